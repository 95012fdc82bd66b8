/* poison.h - telling AddressSanitizer which memory nobody may look at, though it wasn't given back to malloc.
 *
 * A program has its functions or hasn't, however the library was compiled: so they are looked for when it is
 * linked, not when this is compiled. Nothing is called where they are missing. */
#ifndef AC__POISON_H
#define AC__POISON_H
#include <stdbool.h>
#include <stddef.h>

__attribute__((weak)) void __asan_poison_memory_region(const volatile void *, size_t);
__attribute__((weak)) void __asan_unpoison_memory_region(const volatile void *, size_t);

static inline bool ac__poisons(void)
{
    return __asan_poison_memory_region != NULL && __asan_unpoison_memory_region != NULL;
}

static inline void ac__poison(const char *from, const char *to)
{
    if (ac__poisons())
        __asan_poison_memory_region(from, (size_t)(to - from));
}

static inline void ac__unpoison(const char *from, const char *to)
{
    if (ac__poisons())
        __asan_unpoison_memory_region(from, (size_t)(to - from));
}

#endif
