#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define TOGETHER 16 /* replies are sent: the client works on them while we do the next */
#define COLD_READS 4 /* sent together while the medium is waited for */
#define TURN 128 /* requests, after which a change of the table may go */
#define IDLE_S 2 /* after which memory is given back */

uint64_t loop_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

bool send_lock_try(struct send_lock *lock)
{
    /* First the mark: a holder looks for it after it let go. */
    __atomic_store_n(&lock->was_wanted, true, __ATOMIC_SEQ_CST);
    if (pthread_mutex_trylock(&lock->mutex))
        return false;
    __atomic_store_n(&lock->was_wanted, false, __ATOMIC_SEQ_CST);
    return true;
}

static uint8_t *map(size_t size)
{
    void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return made == MAP_FAILED ? NULL : made;
}

bool loop_init(struct loop *loop)
{
    struct timeval idle = {.tv_sec = IDLE_S};

    loop->waited_ns = UINT64_MAX; /* nothing was received yet */
    loop->in = map(IN_BYTES);
    loop->out = map(OUT_ROOM);
    return loop->in && loop->out &&
           !setsockopt(loop->fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
}

bool loop_push(struct loop *loop, const uint8_t *data, size_t size)
{
    if (size > IN_BYTES - loop->end)
        return false;
    memcpy(loop->in + loop->end, data, size);
    loop->end += size;
    loop->received_ns = loop_now_ns();
    return true;
}

void loop_free(struct loop *loop)
{
    if (loop->in)
        munmap(loop->in, IN_BYTES);
    if (loop->out)
        munmap(loop->out, OUT_ROOM);
    loop->in = loop->out = NULL;
}

static enum step flush_request(struct loop *loop)
{
    struct flush asked = {loop->asker, loop->codec, loop->received_ns, {0}};

    if (!loop->asker)
        return REFUSE;
    if (!hand_in_notes(loop)) /* what was written before it is known to whoever performs it */
        return LOST;
    memcpy(asked.head, loop->in + loop->start, loop->codec->head);
    if (!flushes_add(loop->flushes, &asked))
        return REFUSE;
    loop->start += loop->codec->head;
    loop->flushes_asked++;
    return DONE;
}

static uint64_t unsent(const struct loop *loop)
{
    return loop->answered[READS].requests + loop->answered[WRITES].requests;
}

static enum step one(struct loop *loop, struct request *request)
{
    if (loop->filled >= OUT_BYTES || unsent(loop) >= TOGETHER || (loop->is_cold && loop->answered[READS].requests >= COLD_READS))
        return FULL;
    if (loop->is_writing)
        return go_on_writing(loop);
    if (__atomic_load_n(&loop->table->is_bypassed, __ATOMIC_RELAXED))
        return AROUND;
    enum step step = next_request(loop, loop->start, request);
    if (step != DONE)
        return step;
    if (!look_up(loop))
        return ASK;
    if (request->sort == READ)
        return read_request(loop, request);
    if (request->sort == FLUSH)
        return flush_request(loop);
    return request->sort == WRITE ? write_request(loop, request) : REFUSE;
}

static enum step some(struct loop *loop, struct request *request)
{
    enum step step = DONE;

    pthread_rwlock_rdlock(&loop->table->lock);
    for (int turn = 0; step == DONE && turn < TURN; turn++) {
        step = one(loop, request);
        if (step == DONE)
            loop->asked = 0;
    }
    if (!hand_in_notes(loop))
        step = LOST;
    pthread_rwlock_unlock(&loop->table->lock);
    return step;
}

enum outcome loop_run(struct loop *loop)
{
    struct request request;

    for (;;) {
        switch (some(loop, &request)) {
        case DONE:
            break;
        case MISS:
            loop->may_wait = loop->is_cold = true;
            /* fall through */
        case FULL:
            if (!send_out(loop))
                return GONE;
            if (loop->is_cold) {
                /* The medium is to have work while the client reads, and the client while it works. */
                receive_now(loop);
                announce(loop);
            }
            break;
        case LARGE:
            if (!send_large(loop, &request))
                return GONE;
            break;
        case INPUT:
            if (!send_out(loop))
                return GONE;
            if (__atomic_exchange_n(&loop->lock->was_wanted, false, __ATOMIC_SEQ_CST))
                return POSTED;
            loop->is_cold = false;
            if (!receive(loop))
                return GONE;
            break;
        case ASK:
            return RESOLVE;
        case REFUSE:
            if (!send_out(loop))
                return GONE;
            if (!loop->is_writing)
                begin_request(loop, &request);
            return PERFORM;
        case BROKEN:
            send_out(loop);
            return GONE;
        case LOST:
            return GONE;
        case AROUND:
            return send_out(loop) ? BYPASS : GONE;
        }
    }
}

bool loop_take(struct loop *loop, uint8_t *payload)
{
    uint32_t left = loop->current.payload - loop->written;
    uint32_t here = least(left, loop->end - loop->start);

    memcpy(payload, loop->in + loop->start, here);
    loop->start += here;
    payload += here;
    left -= here;
    while (left) {
        ssize_t got = recv(loop->fd, payload, left, 0);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            return false;
        if (got > 0) {
            payload += got;
            left -= got;
        }
    }
    loop->is_writing = loop->may_wait = false;
    loop->asked = 0;
    return true;
}

size_t loop_whole(const struct loop *loop, unsigned most)
{
    size_t at = loop->start;
    struct request request;

    while (most-- && loop->end - at >= loop->codec->head) {
        if (!loop->codec->parse(loop->in + at, &request))
            break;
        size_t size = loop->codec->head + (size_t)request.payload;
        if (loop->end - at < size)
            break;
        at += size;
    }
    return at - loop->start;
}
