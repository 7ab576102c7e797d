# encdec_lit_suite(<folder>): runs the lit tests of tests/<folder> as ctest
# lit-<folder>. The tests find their tools beside encdec-opt and in LLVM's bin folder
# (FileCheck, not, split-file).
find_program(LIT NAMES lit PATHS ${LLVM_TOOLS_BINARY_DIR} NO_DEFAULT_PATH)

function(encdec_lit_suite folder)
  if(NOT LIT)
    message(FATAL_ERROR "lit is not in ${LLVM_TOOLS_BINARY_DIR}: install llvm-22-tools")
  endif()
  set(ENCDEC_LIT_FOLDER ${folder})
  configure_file(${PROJECT_SOURCE_DIR}/tests/lit.site.cfg.py.in
                 ${PROJECT_BINARY_DIR}/tests/${folder}/lit.site.cfg.py @ONLY)
  add_test(NAME lit-${folder}
           COMMAND ${LIT} -v ${PROJECT_BINARY_DIR}/tests/${folder})
endfunction()
