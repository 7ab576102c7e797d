/* use_compiler_api.c: compiler.h in strict C11, and a model through it.
 *
 * Returns NULL, or what went wrong. */
#include "encdec/compiler.h"

#include <stddef.h>

const char *use_compiler_from_c(const char *checkpoint, const char *bundle,
                                encdec_jit_model **jit);

const char *use_compiler_from_c(const char *checkpoint, const char *bundle,
                                encdec_jit_model **jit) {
  encdec_compile_report *report = NULL;
  encdec_compile_options *options = encdec_compile_options_create();
  const char *wrong = NULL;
  if (encdec_compile_options_set(options, "weights", "int8-dynamic", NULL) != ENCDEC_OK ||
      encdec_compile_options_set(options, "strict", NULL, NULL) != ENCDEC_OK)
    wrong = "options_set";
  else if (encdec_compile(checkpoint, options, bundle, &report))
    wrong = "compile";
  else if (encdec_compile_report_code(report) ||
           *encdec_compile_report_message(report) ||
           encdec_compile_report_warning_count(report))
    wrong = "report";
  else if (encdec_jit(checkpoint, options, jit, NULL))
    wrong = "jit";
  encdec_compile_report_free(report);
  encdec_compile_options_free(options);
  return wrong;
}
