/* Many threads publish at once; each keeps its own last error. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <string.h>

enum { THREADS = 8, PUBLISHES = 50 };

static void *publish(void *argument)
{
    int number = *(int *)argument;
    char json[64];
    int i;

    for (i = 0; i < PUBLISHES; i++) {
        snprintf(json, sizeof json, "{\"thread\":%d,\"number\":%d}", number, i);
        CHECK(push_publish("threads", json) >= 0);
    }
    CHECK(strcmp(push_last_error(), "") == 0);
    CHECK(push_publish(number % 2 ? "" : "threads", "") < 0);
    CHECK(strstr(push_last_error(), number % 2 ? "topic" : "JSON") != NULL);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    int i;

    for (i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, publish, &numbers[i]) == 0);
    }
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return EXIT_SUCCESS;
}
