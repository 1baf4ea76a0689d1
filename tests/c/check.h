/* The message and the exit of a test program whose check fails. */
#ifndef CHECK_H
#define CHECK_H

#include <pusher.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__,        \
                    __LINE__, #condition, push_last_error());                        \
            exit(EXIT_FAILURE);                                                      \
        }                                                                            \
    } while (0)

#endif
