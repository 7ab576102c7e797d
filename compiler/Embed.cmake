# encdec_embed(<folder> <out.inc>): names and texts of the folder's JSON files as a C++ list.
function(encdec_embed folder out)
  file(GLOB paths CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.json)
  set(data "// Made of the JSON files of a folder by encdec_embed().\n")
  foreach(path ${paths})
    get_filename_component(name ${path} NAME)
    file(READ ${path} text)
    string(APPEND data "{\"${name}\", R\"json(${text})json\"},\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
  endforeach()
  file(RELATIVE_PATH here ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${here}/${out}
       CONTENT "${data}" @ONLY)
endfunction()
