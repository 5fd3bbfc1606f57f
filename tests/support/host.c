/* A host without Python: TensorFlow's C API, the loader and session that TensorFlow Serving uses.
 *
 *   host DIR FETCH COUNT FEED...  <  COUNT int32 for each FEED   >  float32 images
 *
 * XLA is disabled first, as tensorflow_model_server does by default.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tensorflow/c/c_api.h"

/* tensorflow::DisableXlaCompilation() */
void disable_xla(void) __asm__("_ZN10tensorflow21DisableXlaCompilationEv");

static void check(TF_Status *status, const char *what) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s: %s\n", what, TF_Message(status));
    exit(1);
  }
}

static TF_Output tensor(TF_Graph *graph, char *name) {
  char *colon = strchr(name, ':');
  int index = colon ? atoi(colon + 1) : 0;
  if (colon) *colon = 0;
  TF_Output output = {TF_GraphOperationByName(graph, name), index};
  if (!output.oper) {
    fprintf(stderr, "no operation %s\n", name);
    exit(1);
  }
  return output;
}

int main(int argc, char **argv) {
  if (argc < 5 || argc > 6) return 2;
  disable_xla();
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  check(status, "load");
  TF_Output feeds[2], fetch = tensor(graph, argv[2]);
  TF_Tensor *inputs[2];
  int64_t rows = atoll(argv[3]);
  int count = argc - 4;
  for (int i = 0; i < count; i++) {
    feeds[i] = tensor(graph, argv[4 + i]);
    inputs[i] = TF_AllocateTensor(TF_INT32, &rows, 1, rows * sizeof(int32_t));
    if (fread(TF_TensorData(inputs[i]), sizeof(int32_t), rows, stdin) != (size_t)rows) return 2;
  }
  TF_Tensor *images = NULL;
  TF_SessionRun(session, NULL, feeds, inputs, count, &fetch, &images, 1, NULL, 0, NULL, status);
  check(status, "run");
  fwrite(TF_TensorData(images), 1, TF_TensorByteSize(images), stdout);
  return 0;
}
