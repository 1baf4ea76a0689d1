/* Publishes one event: publish CATEGORY JSON
 *
 * Prints how many browsers it was queued to. */
#include <pusher.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    int browsers;

    if (argc != 3) {
        fprintf(stderr, "usage: %s CATEGORY JSON\n", argv[0]);
        return EXIT_FAILURE;
    }
    browsers = push_publish(argv[1], argv[2]);
    if (browsers < 0) {
        fprintf(stderr, "%s: %s\n", push_strerror(browsers), push_last_error());
        return EXIT_FAILURE;
    }
    printf("%d\n", browsers);
    return EXIT_SUCCESS;
}
