/* Uses the installed compiler from C: a bundle, and a model in this process.
 *   use_compiler_c CHECKPOINT BUNDLE */
#include <encdec/compiler.h>
#include <encdec/runtime.h>
#include <stdio.h>

int main(int argc, char **argv) {
  encdec_compile_report *report = NULL;
  encdec_jit_model *jit = NULL;
  encdec_model *model = NULL;
  if (argc != 3)
    return ENCDEC_ERROR_USAGE;
  int code = encdec_compile(argv[1], NULL, argv[2], &report);
  if (!code) {
    encdec_compile_report_free(report);
    code = encdec_jit(argv[1], NULL, &jit, &report);
  }
  fprintf(stderr, "%s\n", encdec_compile_report_message(report));
  encdec_compile_report_free(report);
  if (!code)
    code = encdec_status_code(encdec_model_from_memory(encdec_jit_image(jit), &model));
  encdec_model_close(model);
  encdec_jit_free(jit);
  return code;
}
