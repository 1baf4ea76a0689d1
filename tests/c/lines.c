/* Publishes each line of its input: lines CATEGORY
 *
 * Prints the result of each, and errors on standard error. */
#include "check.h"
#include <string.h>

int main(int argc, char **argv)
{
    char line[256];

    CHECK(argc == 2);
    while (fgets(line, sizeof line, stdin) != NULL) {
        int result = push_publish(argv[1], line);

        printf("%d\n", result);
        fflush(stdout);
        if (result < 0)
            fprintf(stderr, "%s\n", push_last_error());
    }
    return EXIT_SUCCESS;
}
