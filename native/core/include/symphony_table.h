/* The C table: what the addon may ask of `_native`. Twin: native/python/src/table.rs (sizes and
 * offsets are compared by a test). Plain C, no Python, no Node. "GIL" says whether the caller must
 * hold it. */
#ifndef SYMPHONY_TABLE_H
#define SYMPHONY_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define SYMPHONY_TABLE_ABI 1u
#define SYMPHONY_TABLE_CAPSULE "symphony_bridge._native.table"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that travel beside a pack. */
typedef struct {
  const uint8_t* data;
  size_t length;
} SymSegment;

/* A borrowed view of packed values; pointers may be null where the length is 0. */
typedef struct {
  const int32_t* ops;
  const double* nums;
  const uint8_t* chars;
  const SymSegment* segments;
  uint32_t ops_length;
  uint32_t nums_length;
  uint32_t chars_length;
  uint32_t segments_length;
} SymPack;

typedef enum { SYM_VALUE = 0, SYM_ERROR = 1 } SymStatus;

typedef struct {
  uint32_t abi;
  uint32_t size; /* of this struct */

  /* Calls handle `target` (0: by the name in the pack) with the packed call; `parent` is the
   * caller's span. The reply is borrowed until the next call on this thread. GIL: held. */
  int32_t (*call_sync)(uint32_t target, double parent, const SymPack* call, SymPack* reply);

  /* Takes whole frames; they are copied. Never blocks. 0, or -1 for a malformed frame. GIL: no. */
  int32_t (*submit)(const uint8_t* frames, size_t length);

  /* `wake` is called, from any thread, when output turns from empty to waiting. GIL: no. */
  void (*connect)(void (*wake)(void* context), void* context);

  /* Moves all waiting output into memory that `allocate` gives; returns its length. GIL: no. */
  size_t (*drain)(uint8_t* (*allocate)(void* context, size_t length), void* context);

  /* Refuses new calls, cancels jobs, fails those who wait, flushes the recorder. GIL: no. */
  void (*close)(void);
} SymTable;

#ifdef __cplusplus
}
#endif

#endif
