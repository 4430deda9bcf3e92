/* The C table: what the addon may ask of `_native`. Twin: native/python/src/table.rs (sizes and
 * offsets are compared by a test). Plain C, no Python, no Node. "GIL" says whether the caller must
 * hold it. */
#ifndef SYMPHONY_TABLE_H
#define SYMPHONY_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define SYMPHONY_TABLE_ABI 5u
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

/* SYM_GONE: JavaScript cannot run any more. SYM_EXHAUSTED: it has no stack left for the call.
 * SYM_NONE: the value is None, and no reply was written. */
typedef enum {
  SYM_VALUE = 0,
  SYM_ERROR = 1,
  SYM_GONE = 2,
  SYM_EXHAUSTED = 3,
  SYM_NONE = 4
} SymStatus;

/* Takes a reply while its memory is valid. */
typedef void (*SymTake)(void* sink, const SymPack* reply);

/* What JavaScript's side offers. GIL: never held; all but `wake` on the JavaScript thread only. */
typedef struct {
  void* context;

  /* Output turned from empty to waiting. Any thread; must not block. */
  void (*wake)(void* context);

  /* Runs a packed call (`target` 0: an exposed function by name) while the thread is inside
   * `call_sync`; the reply, a value or an error, goes to `take`. */
  int32_t (*call)(void* context, uint32_t target, uint32_t flags, double span, const SymPack* call,
                  SymTake take, void* sink);

  /* Delivers what waits, inside `call_sync`: Python waits on this thread for another one. */
  void (*pump)(void* context);
} SymHost;

typedef struct {
  uint32_t abi;
  uint32_t size; /* of this struct */

  /* Calls handle `target` (0: by the name in the pack) with the packed call; `parent` is the
   * caller's span, `flags` are those of a CALL frame. The reply is borrowed until the next call on
   * this thread. GIL: held. */
  int32_t (*call_sync)(uint32_t target, double parent, uint32_t flags, const SymPack* call,
                       SymPack* reply);

  /* As `call_sync`, of `target` itself without arguments: what must be fast. SYM_NONE is common. */
  int32_t (*call_bare)(uint32_t target, double parent, SymPack* reply);

  /* Takes whole frames; they are copied. Never blocks. 0, or -1 for a malformed frame. GIL: no. */
  int32_t (*submit)(const uint8_t* frames, size_t length);

  /* Begins a session for the calling thread; `host` is copied. GIL: no. */
  void (*connect)(const SymHost* host);

  /* Moves all waiting output into memory that `allocate` gives; returns its length. Output that
   * got no memory waits on. After a drain that is `watched`, `wake` is not called until the next
   * that is not: the caller looks again by itself. GIL: no. */
  size_t (*drain)(uint8_t* (*allocate)(void* context, size_t length), void* context,
                  int32_t watched);

  /* Refuses new calls, cancels jobs, fails those who wait, flushes the recorder. GIL: no. */
  void (*close)(void);
} SymTable;

#ifdef __cplusplus
}
#endif

#endif
