/* Publishes events while pushd is away: spool CATEGORY LENGTH COUNT
 *
 * Each event is a string of LENGTH bytes. While the spool is full or locked, tries again. Prints a line when all events
 * are in the spool. */
#define _POSIX_C_SOURCE 199309L /* nanosleep() */
#ifdef _WIN32
#include <windows.h>
#endif
#include <pusher.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Waits a millisecond. */
static void wait_a_little(void)
{
#ifdef _WIN32
    Sleep(1);
#else
    const struct timespec pause = {0, 1000 * 1000};

    nanosleep(&pause, NULL);
#endif
}

static int publish(const char *category, const char *event)
{
    int result;

    while ((result = push_publish(category, event)) != PUSH_SPOOLED &&
           (strstr(push_last_error(), " is full") || strstr(push_last_error(), "has locked")))
        wait_a_little();
    if (result != PUSH_SPOOLED)
        fprintf(stderr, "%d: %s\n", result, push_last_error());
    return result == PUSH_SPOOLED;
}

int main(int argc, char **argv)
{
    size_t len;
    char *event;
    int count;

    if (argc != 4) {
        fprintf(stderr, "usage: %s CATEGORY LENGTH COUNT\n", argv[0]);
        return EXIT_FAILURE;
    }
    len = (size_t)atoi(argv[2]);
    event = malloc(len + 3);
    if (event == NULL)
        return EXIT_FAILURE;
    memset(event, 'x', len + 2);
    event[0] = event[len + 1] = '"';
    event[len + 2] = '\0';
    for (count = atoi(argv[3]); count > 0; count--)
        if (!publish(argv[1], event))
            return EXIT_FAILURE;
    free(event);
    puts("spooled");
    fflush(stdout);
    return EXIT_SUCCESS;
}
