#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

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

bool receive(struct loop *loop)
{
    make_room(loop);
    for (;;) {
        ssize_t got = recv(loop->fd, loop->in + loop->end, IN_BYTES - loop->end, 0);
        if (got > 0) {
            loop->end += got;
            loop->received_ns = loop_now_ns();
            return true;
        }
        if (got == 0)
            return false;
        if (errno == EAGAIN)
            rest(loop);
        else if (errno != EINTR)
            return false;
    }
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
