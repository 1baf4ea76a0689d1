/* A signal handler leaves a publish by siglongjmp() while pushd hangs: later publishes of the thread work. Such a jump
 * leaks memory, as the header documents, so valgrind's leak check is off. The program has its own server and ignores
 * PUSH_ADDRESS. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "server.h"
#include <setjmp.h>
#include <signal.h>
#include <string.h>

static sigjmp_buf out;

static void leave(int number)
{
    siglongjmp(out, number);
}

/* Raises the signal in this thread once it is in the middle of its publish. */
static void *interrupt(void *context)
{
    struct server *server = context;

    server_wait_for_publish(server);
    pthread_kill(server->interrupted, SIGALRM);
    return NULL;
}

int main(void)
{
    struct server server;
    struct sigaction action;
    pthread_t thread;

    server_start(&server, SERVER_HANGS_ONCE);
    server.interrupted = pthread_self();
    CHECK(setenv("PUSH_ADDRESS", server.address, 1) == 0);
    CHECK(setenv("PUSH_TIMEOUT_MS", "30000", 1) == 0);
    memset(&action, 0, sizeof action);
    action.sa_handler = leave;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    if (sigsetjmp(out, 1) == 0) {
        CHECK(pthread_create(&thread, NULL, interrupt, &server) == 0);
        push_publish("t", "{}");
        CHECK(!"the publish was left");
    }
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(push_publish("t", "{}") == SERVER_BROWSERS);
    CHECK(push_publish("t", "{}") == SERVER_BROWSERS);
    server_stop(&server);
    return EXIT_SUCCESS;
}
