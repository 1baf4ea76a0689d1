/* A program without stdin, stdout and stderr: its output must never reach pushd. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <pusher.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    int descriptor, i;

    for (descriptor = 0; descriptor < 3; descriptor++)
        close(descriptor);
    for (i = 0; i < 3; i++) {
        if (push_publish("t", "{}") < 0)
            return EXIT_FAILURE;
        /* As printf() and perror() do. */
        for (descriptor = 0; descriptor < 3; descriptor++) {
            if (write(descriptor, "printed\n", 8) != -1)
                return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
