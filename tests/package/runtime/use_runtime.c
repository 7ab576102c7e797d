/* Uses the installed runtime: no bundle here, so opening one must say so. */
#include <encdec/runtime.h>
#include <stdio.h>

int main(void) {
  encdec_model *model = NULL;
  encdec_status *status = encdec_model_open("no-such-file.encdec", NULL, &model);
  int code = encdec_status_code(status);
  printf("encdec %s: %s\n", encdec_version(), encdec_status_message(status));
  encdec_status_free(status);
  encdec_model_close(model);
  return code == ENCDEC_OK || model != NULL;
}
