#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FEW 2                 /* requests at a time: more of them keep both sides busy anyway */
#define AWAKE_NS 100000       /* at most, for the next request; it is expected if the last came within that */
#define TAKEN_NS 200000       /* between two looks: the processor was taken away, so others want it */
#define TIRED_NS 50000000ull  /* that long they have it */

static long processors; /* of which half may stay awake */
static long awake;      /* connections that do */

__attribute__((constructor)) static void count_processors(void)
{
    processors = sysconf(_SC_NPROCESSORS_ONLN);
}

bool send_all(int fd, const uint8_t *data, size_t size, int flags)
{
    while (size) {
        ssize_t sent = send(fd, data, size, flags | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        data += sent;
        size -= sent;
    }
    return true;
}

void answered(struct loop *loop, enum operation operation, uint32_t size)
{
    loop->batch++;
    loop->answered[operation].requests++;
    loop->answered[operation].bytes += size;
}

void count_answered(struct loop *loop)
{
    uint64_t latency_ns = loop_now_ns() - loop->received_ns;

    for (enum operation operation = 0; operation < OPERATIONS; operation++)
        if (loop->answered[operation].requests)
            table_count(loop->table, operation, loop->answered[operation].requests,
                        loop->answered[operation].bytes, latency_ns);
    memset(loop->answered, 0, sizeof loop->answered);
}

bool send_out(struct loop *loop)
{
    if (!loop->filled)
        return true;
    pthread_mutex_lock(&loop->lock->mutex);
    bool is_sent = send_all(loop->fd, loop->out, loop->filled, 0);
    pthread_mutex_unlock(&loop->lock->mutex);
    loop->filled = 0;
    count_answered(loop);
    return is_sent;
}

/* Who is idle gives its memory back, and waits. */
static void rest(struct loop *loop)
{
    struct pollfd readable = {.fd = loop->fd, .events = POLLIN};

    if (loop->start == loop->end)
        madvise(loop->in, IN_BYTES, MADV_DONTNEED);
    madvise(loop->out, OUT_ROOM, MADV_DONTNEED);
    poll(&readable, 1, -1);
}

static void make_room(struct loop *loop)
{
    size_t start = loop->start;

    if (start < loop->end && (IN_BYTES - loop->end >= IN_BYTES / 2 || !start))
        return;
    memmove(loop->in, loop->in + start, loop->end - start);
    loop->start = 0;
    loop->end -= start;
    loop->looked_up = loop->looked_up > start ? loop->looked_up - start : 0;
    loop->announced = loop->announced > start ? loop->announced - start : 0;
}

static bool may_stay_awake(const struct loop *loop, uint64_t now_ns)
{
    return loop->batch <= FEW && loop->waited_ns < AWAKE_NS && now_ns >= loop->tired_until_ns;
}

/*
 * A client that asks for one thing at a time is answered sooner by who does not sleep meanwhile: to
 * wake an idle processor takes longer than to read 4 KiB.
 */
static ssize_t receive_awake(struct loop *loop, uint64_t since_ns)
{
    uint64_t last_ns, now_ns = since_ns;
    ssize_t got = -1;

    if (__atomic_fetch_add(&awake, 1, __ATOMIC_RELAXED) < processors / 2)
        do {
            got = recv(loop->fd, loop->in + loop->end, IN_BYTES - loop->end, MSG_DONTWAIT);
            last_ns = now_ns;
            now_ns = loop_now_ns();
            if (now_ns - last_ns > TAKEN_NS)
                loop->tired_until_ns = now_ns + TIRED_NS;
        } while (got < 0 && errno == EAGAIN && now_ns - since_ns < AWAKE_NS && now_ns >= loop->tired_until_ns);
    __atomic_fetch_sub(&awake, 1, __ATOMIC_RELAXED);
    if (got > 0)
        __atomic_fetch_add(&loop->awake, 1, __ATOMIC_RELAXED);
    return got;
}

bool receive(struct loop *loop)
{
    make_room(loop);
    uint64_t since_ns = loop_now_ns();
    ssize_t got = may_stay_awake(loop, since_ns) ? receive_awake(loop, since_ns) : -1;
    while (got < 0) {
        got = recv(loop->fd, loop->in + loop->end, IN_BYTES - loop->end, 0);
        if (got < 0 && errno == EAGAIN)
            rest(loop);
        else if (got < 0 && errno != EINTR)
            return false;
    }
    loop->end += got;
    loop->batch = 0;
    loop->received_ns = loop_now_ns();
    loop->waited_ns = loop->received_ns - since_ns;
    return got > 0;
}

void receive_now(struct loop *loop)
{
    make_room(loop);
    if (loop->end < IN_BYTES) {
        ssize_t got = recv(loop->fd, loop->in + loop->end, IN_BYTES - loop->end, MSG_DONTWAIT);
        if (got > 0)
            loop->end += got;
    }
}
