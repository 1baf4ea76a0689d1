/* Functions that Rust's ThreadSanitizer calls and gcc's does not have. The ordinary functions
 * replace them, because gcc's ThreadSanitizer watches those. */
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

void *__tsan_memcpy(void *to, const void *from, size_t len)
{
    return memcpy(to, from, len);
}

void *__tsan_memmove(void *to, const void *from, size_t len)
{
    return memmove(to, from, len);
}

void *__tsan_memset(void *to, int byte, size_t len)
{
    return memset(to, byte, len);
}

#ifdef __cplusplus
}
#endif
