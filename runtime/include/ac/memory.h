/** @file
 *  Memory of variable size that lives as long as an async function runs: what its VLAs and alloca become where
 *  it may be suspended meanwhile. For code that asyncc makes; a program has no need to call any of it.
 *
 *  A frame that needs such memory holds a pointer to it, null at the start. What VLAs take is a stack: the
 *  scopes of one function end in the reverse order of their beginnings. What alloca takes is kept until the function
 *  returns or has been cancelled: then all of it is freed. Both are in chunks, each larger than the one before,
 *  so that a loop calls malloc a few times and no more. No memory is a checked stop, since a VLA can't
 *  say that it wasn't made. The threads of one frame take turns, so nothing here is locked. */
#ifndef AC_MEMORY_H
#define AC_MEMORY_H
#include <ac/future.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A pointer to what only an expression names: the body reads and writes it by its own type, too. */
typedef void *ac__pointer AC__FRAME;

/** The memory of the VLA that is declared at @p place: numbers from 1 on, each one declaration, in their order in the
 *  text. Reaching a declaration ends the objects of that place and of all behind it, where that wasn't told.
 *  @p align is a power of two. */
void *ac__vla(void **blocks, unsigned place, __SIZE_TYPE__ size, __SIZE_TYPE__ align);
/** The scope of that declaration is left. */
void ac__vla_end(void **blocks, unsigned place);

/** As alloca(): aligned for anything, and the function's until its end. */
void *ac__alloca(void **blocks, __SIZE_TYPE__ size);
/** @p align is in bits. */
void *ac__alloca_with_align(void **blocks, __SIZE_TYPE__ size, __SIZE_TYPE__ align);

void ac__free_blocks(void **blocks);

/* A product that is too large stays the largest there is. */
static inline __SIZE_TYPE__ ac__times(__SIZE_TYPE__ count, __SIZE_TYPE__ size)
{
    return size && count > (__SIZE_TYPE__)-1 / size ? (__SIZE_TYPE__)-1 : count * size;
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
