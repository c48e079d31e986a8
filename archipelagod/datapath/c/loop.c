#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define IN_BYTES (512u << 10)
#define OUT_BYTES (256u << 10)               /* sent when it is that long, or the requests end */
#define MOST_COPIED (1u << 20)               /* bytes of a read that goes through ``out`` */
#define OUT_ROOM (MOST_COPIED + OUT_BYTES)
#define FILE_BYTES (32u << 10)               /* reads of that size are sent from the file */
#define WHOLE_BYTES (64u << 10)              /* writes up to this wait for all of their payload */
#define COLD_READS 4                         /* sent together while the medium is waited for */
#define TURN 128                             /* requests, after which a change of the table may go */
#define MOST_ASKED 256
#define IDLE_S 2                             /* after which memory is given back */

enum step { DONE, INPUT, FULL, MISS, LARGE, ASK, REFUSE, BROKEN, LOST, AROUND };

static uint8_t zeros[64 << 10];

uint64_t loop_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static uint32_t least(uint32_t a, size_t b)
{
    return a < b ? a : (uint32_t)b;
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

/* ---- the socket ---- */

static bool send_all(int fd, const uint8_t *data, size_t size, int flags)
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

static void count(struct loop *loop)
{
    uint64_t latency_ns = loop_now_ns() - loop->received_ns;

    for (enum operation operation = 0; operation < OPERATIONS; operation++)
        if (loop->answered[operation].requests)
            table_count(loop->table, operation, loop->answered[operation].requests,
                        loop->answered[operation].bytes, latency_ns);
    memset(loop->answered, 0, sizeof loop->answered);
}

static bool send_out(struct loop *loop)
{
    if (!loop->filled)
        return true;
    pthread_mutex_lock(&loop->lock->mutex);
    bool is_sent = send_all(loop->fd, loop->out, loop->filled, 0);
    pthread_mutex_unlock(&loop->lock->mutex);
    loop->filled = 0;
    count(loop);
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

/* Waits for more requests.  False when the client is gone. */
static bool receive(struct loop *loop)
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

/* Takes what is there already. */
static void receive_now(struct loop *loop)
{
    make_room(loop);
    if (loop->end < IN_BYTES) {
        ssize_t got = recv(loop->fd, loop->in + loop->end, IN_BYTES - loop->end, MSG_DONTWAIT);
        if (got > 0)
            loop->end += got;
    }
}

/* ---- requests that wait ---- */

static enum step next(const struct loop *loop, size_t at, struct request *request)
{
    if (at >= loop->end || loop->end - at < loop->codec->head)
        return INPUT;
    return loop->codec->parse(loop->in + at, request) ? DONE : BROKEN;
}

/*
 * Whether all entries that requests here need are known.  They are found out before the first is
 * performed, so that all that must be read from the medium can be announced at once.
 */
static bool look_up(struct loop *loop)
{
    struct request request;

    if (loop->looked_up < loop->start)
        loop->looked_up = loop->start;
    while (next(loop, loop->looked_up, &request) == DONE) {
        if (request.sort < FLUSH && !table_is_known(loop->table, request.offset, request.size))
            if (loop->asked++ < MOST_ASKED) {
                loop->index = request.offset >> OBJECT_SHIFT;
                while (loop->table->entries[loop->index].state != UNKNOWN)
                    loop->index++;
                return false;
            }
        loop->looked_up += loop->codec->head + request.payload;
    }
    return true;
}

static bool is_within(const struct loop *loop, const struct request *request)
{
    return request->offset + request->size >= request->offset &&
           request->offset + request->size <= loop->table->size_bytes;
}

/* Tells the kernel of all reads that are here, so that the medium does them at once. */
static void announce(struct loop *loop)
{
    struct request request;
    struct run run;

    if (loop->announced < loop->start)
        loop->announced = loop->start;
    pthread_rwlock_rdlock(&loop->table->lock);
    while (next(loop, loop->announced, &request) == DONE) {
        loop->announced += loop->codec->head + request.payload;
        if (request.sort != READ || !is_within(loop, &request))
            continue;
        while (request.size && table_run(loop->table, request.offset, request.size, &run)) {
            if (run.fd >= 0)
                posix_fadvise(run.fd, run.at, run.size, POSIX_FADV_WILLNEED);
            request.offset += run.size;
            request.size -= run.size;
        }
    }
    pthread_rwlock_unlock(&loop->table->lock);
}

/* ---- reads ---- */

static enum step fetch(struct loop *loop, const struct run *run, uint8_t *to)
{
    struct table *table = loop->table;
    uint32_t got = 0;

    while (got < run->size) {
        struct iovec part = {to + got, run->size - got};
        int flags = loop->may_wait ? 0 : table->only_cached;
        ssize_t count = preadv2(run->fd, &part, 1, run->at + got, flags);
        if (count == 0) {
            memset(to + got, 0, run->size - got); /* the object ends here */
            return DONE;
        }
        if (count > 0)
            got += count;
        else if (errno == EOPNOTSUPP && flags)
            table->only_cached = 0; /* tmpfs: everything is in memory anyway */
        else if (errno == EAGAIN && flags)
            return MISS;
        else if (errno != EINTR)
            return REFUSE;
    }
    return DONE;
}

static void answered(struct loop *loop, enum operation operation, uint32_t size)
{
    loop->answered[operation].requests++;
    loop->answered[operation].bytes += size;
}

static void finish_read(struct loop *loop, const struct request *request)
{
    loop->start += loop->codec->head;
    loop->may_wait = false;
    answered(loop, READS, request->size);
}

static enum step copy_read(struct loop *loop, const struct request *request)
{
    uint8_t *front = loop->out + loop->filled;
    uint8_t *to = front + loop->codec->data(front, request);
    uint64_t offset = request->offset;
    uint32_t left = request->size;
    struct run run;

    while (left) {
        if (!table_run(loop->table, offset, left, &run) || (run.is_hole && loop->codec->hole))
            return REFUSE; /* Python sends such holes for what they are */
        if (run.fd < 0)
            memset(to, 0, run.size);
        else {
            enum step step = fetch(loop, &run, to);
            if (step != DONE)
                return step;
        }
        to += run.size;
        offset += run.size;
        left -= run.size;
    }
    loop->filled = to - loop->out;
    finish_read(loop, request);
    return DONE;
}

static void close_segments(struct loop *loop)
{
    while (loop->segment_count)
        if (loop->segments[--loop->segment_count].fd >= 0)
            close(loop->segments[loop->segment_count].fd);
}

/* Whether the front of it is in memory; true where the kernel won't tell. */
static bool is_cached(const struct loop *loop, const struct run *run)
{
    uint8_t byte;
    struct iovec part = {&byte, 1};

    if (loop->may_wait || !loop->table->only_cached)
        return true;
    return preadv2(run->fd, &part, 1, run->at, RWF_NOWAIT) >= 0 || errno != EAGAIN;
}

/*
 * Notes the files from which a large read is to be sent, with descriptors of our own: sending may
 * take for ever, and the table can't be held meanwhile.
 */
static enum step plan_read(struct loop *loop, const struct request *request)
{
    uint64_t offset = request->offset;
    uint32_t left = request->size;
    enum step step = LARGE;
    struct run run;

    while (left && step == LARGE) {
        if (loop->segment_count == MOST_SEGMENTS || !table_run(loop->table, offset, left, &run) ||
            (run.is_hole && loop->codec->hole))
            step = REFUSE;
        else if (run.fd >= 0 && !is_cached(loop, &run))
            step = MISS;
        else {
            struct segment *segment = &loop->segments[loop->segment_count];
            segment->fd = run.fd < 0 ? -1 : fcntl(run.fd, F_DUPFD_CLOEXEC, 0);
            segment->at = run.at;
            segment->size = run.size;
            loop->segment_count++;
            offset += run.size;
            left -= run.size;
            if (run.fd >= 0 && segment->fd < 0)
                step = REFUSE; /* too many are open */
        }
    }
    if (step != LARGE)
        close_segments(loop);
    return step;
}

static enum step read_request(struct loop *loop, const struct request *request)
{
    struct run run;

    if (!is_within(loop, request) || !table_run(loop->table, request->offset, request->size, &run))
        return REFUSE;
    if (run.is_hole && run.size == request->size && loop->codec->hole) {
        loop->filled += loop->codec->hole(loop->out + loop->filled, request);
        finish_read(loop, request);
        return DONE;
    }
    if (request->size >= FILE_BYTES && loop->table->sends_files &&
        (run.size >= FILE_BYTES || request->size > MOST_COPIED)) {
        enum step step = plan_read(loop, request);
        if (step != REFUSE || request->size > MOST_COPIED)
            return step;
    }
    if (request->size > MOST_COPIED)
        return REFUSE;
    if (loop->filled && loop->filled + MOST_HEAD + request->size > OUT_ROOM)
        return FULL;
    return copy_read(loop, request);
}

/* Where sendfile can't: through ``out``, which is free. */
static bool send_copied(struct loop *loop, struct segment *segment)
{
    loop->table->sends_files = false; /* should the medium fail now the client is lost, but not twice */
    while (segment->size) {
        ssize_t got = pread(segment->fd, loop->out, least(MOST_COPIED, segment->size), segment->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0)
            return true;
        if (!send_all(loop->fd, loop->out, got, 0))
            return false;
        segment->at += got;
        segment->size -= got;
    }
    return true;
}

static bool send_segment(struct loop *loop, struct segment *segment)
{
    while (segment->size && segment->fd >= 0) {
        ssize_t sent = sendfile(loop->fd, segment->fd, &segment->at, segment->size);
        if (sent == 0)
            break; /* the object ends here */
        if (sent > 0)
            segment->size -= sent;
        else if (errno == EPIPE || errno == ECONNRESET)
            return false;
        else if (errno != EINTR) {
            if (!send_copied(loop, segment))
                return false;
            break;
        }
    }
    while (segment->size) {
        uint32_t part = least(segment->size, sizeof zeros);
        if (!send_all(loop->fd, zeros, part, 0))
            return false;
        segment->size -= part;
    }
    return true;
}

static bool send_large(struct loop *loop, const struct request *request)
{
    bool is_sent;

    loop->filled += loop->codec->data(loop->out + loop->filled, request);
    pthread_mutex_lock(&loop->lock->mutex);
    is_sent = send_all(loop->fd, loop->out, loop->filled, MSG_MORE);
    for (unsigned at = 0; is_sent && at < loop->segment_count; at++)
        is_sent = send_segment(loop, &loop->segments[at]);
    pthread_mutex_unlock(&loop->lock->mutex);
    close_segments(loop);
    loop->filled = 0;
    finish_read(loop, request);
    count(loop);
    return is_sent;
}

/* ---- writes ---- */

/* Bytes of the payload to be written now; 0: wait for more. */
static uint32_t portion(const struct loop *loop)
{
    uint32_t left = loop->current.size - loop->written;
    uint64_t at = loop->current.offset + loop->written;
    size_t here = loop->end - loop->start;

    if (here >= left)
        return left;
    if (here < WHOLE_BYTES)
        return 0;
    /* Whole pages: a part of one would first be read from the medium. */
    return ((at + here) & ~(uint64_t)(BLOCK_BYTES - 1)) - at;
}

/* Returns false when the client must be lost: nothing that was written may be acknowledged. */
static bool hand_in_notes(struct loop *loop)
{
    bool is_done = !loop->note_count || table_note_written(loop->table, loop->notes, loop->note_count);

    loop->note_count = 0;
    return is_done;
}

static void note(struct loop *loop, uint64_t at, uint32_t size)
{
    uint32_t index = at >> OBJECT_SHIFT, inner = at & (OBJECT_BYTES - 1);
    struct written *last = &loop->notes[loop->note_count - (loop->note_count > 0)];

    if (loop->note_count && last->index == index && last->inner + last->size == inner)
        last->size += size;
    else
        loop->notes[loop->note_count++] = (struct written){index, inner, size};
}

static enum step go_on_writing(struct loop *loop)
{
    const struct request *request = &loop->current;
    struct run run;

    while (loop->written < request->size) {
        uint64_t at = request->offset + loop->written;
        uint32_t size = portion(loop);
        if (!size)
            return INPUT;
        if (loop->note_count == MOST_NOTES && !hand_in_notes(loop))
            return LOST;
        if (!is_within(loop, request) || !table_write_run(loop->table, at, size, &run))
            return REFUSE;
        ssize_t count = pwrite(run.fd, loop->in + loop->start, run.size, run.at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return REFUSE; /* Python tries again, and finds words for it */
        note(loop, at, count);
        loop->written += count;
        loop->start += count;
    }
    loop->is_writing = false;
    loop->filled += loop->codec->done(loop->out + loop->filled, request);
    answered(loop, WRITES, request->size);
    return DONE;
}

static void begin(struct loop *loop, const struct request *request)
{
    loop->current = *request;
    loop->written = 0;
    memcpy(loop->head, loop->in + loop->start, loop->codec->head);
    loop->start += loop->codec->head;
}

/* Whether all of it may be written by us. */
static bool is_writable(struct loop *loop, const struct request *request)
{
    uint64_t at = request->offset, end = at + request->size;
    struct run run;

    if (!is_within(loop, request))
        return false;
    for (; at < end; at += run.size)
        if (!table_write_run(loop->table, at, end - at, &run))
            return false;
    return true;
}

static enum step write_request(struct loop *loop, const struct request *request)
{
    size_t here = loop->end - loop->start - loop->codec->head;

    if (here < request->size && request->size <= WHOLE_BYTES)
        return INPUT;
    /* A freeze between our part of a request and the rest would see half of it. */
    if (here >= request->size && !is_writable(loop, request))
        return REFUSE;
    begin(loop, request);
    loop->is_writing = true;
    return go_on_writing(loop);
}

/* ---- flushes ---- */

void flushes_init(struct flushes *flushes)
{
    pthread_mutex_init(&flushes->lock, NULL);
    pthread_cond_init(&flushes->come, NULL);
}

static void drop_askers(struct flushes *flushes, struct flush *first, size_t count, void (*drop)(void *))
{
    for (struct flush *flush = first; flush < first + count; flush++) {
        void *owner = flush->asker ? flushes_release(flushes, flush->asker) : NULL;
        if (owner)
            drop(owner);
    }
    free(first);
}

void flushes_free(struct flushes *flushes, void (*drop)(void *owner))
{
    drop_askers(flushes, flushes->waiting, flushes->waiting_count, drop);
    drop_askers(flushes, flushes->group, flushes->group_count, drop);
    flushes->waiting = flushes->group = NULL;
}

static struct flush *room_for_one(struct flushes *flushes)
{
    if (flushes->waiting_count == flushes->waiting_room) {
        size_t room = flushes->waiting_room ? 2 * flushes->waiting_room : 16;
        struct flush *more = realloc(flushes->waiting, room * sizeof *more);
        if (!more)
            return NULL;
        flushes->waiting = more;
        flushes->waiting_room = room;
    }
    return &flushes->waiting[flushes->waiting_count];
}

/* False when nobody attends to them, or there is no memory. */
static bool flushes_add(struct flushes *flushes, const struct flush *asked)
{
    struct flush *room = NULL;

    pthread_mutex_lock(&flushes->lock);
    if (flushes->is_attended)
        room = room_for_one(flushes);
    if (room) {
        *room = *asked;
        asked->asker->references++;
        if (!flushes->waiting_count++)
            pthread_cond_signal(&flushes->come);
    }
    pthread_mutex_unlock(&flushes->lock);
    return room;
}

/* Those of the last group are answered. */
size_t flushes_wait(struct flushes *flushes)
{
    struct flush *group = flushes->group;
    size_t room = flushes->group_room;

    pthread_mutex_lock(&flushes->lock);
    flushes->is_attended = true;
    while (!flushes->waiting_count && !flushes->was_woken)
        pthread_cond_wait(&flushes->come, &flushes->lock);
    flushes->was_woken = false;
    flushes->group = flushes->waiting;
    flushes->group_count = flushes->waiting_count;
    flushes->group_room = flushes->waiting_room;
    flushes->waiting = group;
    flushes->waiting_room = room;
    flushes->waiting_count = 0;
    pthread_mutex_unlock(&flushes->lock);
    return flushes->group_count;
}

void flushes_wake(struct flushes *flushes)
{
    pthread_mutex_lock(&flushes->lock);
    flushes->was_woken = true;
    pthread_cond_signal(&flushes->come);
    pthread_mutex_unlock(&flushes->lock);
}

void *flushes_release(struct flushes *flushes, struct asker *asker)
{
    pthread_mutex_lock(&flushes->lock);
    bool was_last = !--asker->references;
    pthread_mutex_unlock(&flushes->lock);
    void *owner = was_last ? asker->owner : NULL;
    if (was_last)
        free(asker);
    return owner;
}

size_t flushes_answer(struct flushes *flushes, struct flush *first, bool is_done, uint8_t *out, size_t *size)
{
    struct asker *asker = first->asker;
    struct request request;
    size_t count = 0;

    *size = 0;
    for (struct flush *flush = first; flush < flushes->group + flushes->group_count; flush++) {
        if (flush->asker != asker)
            continue;
        if (!is_done) {
            memcpy(out + *size, flush->head, flush->codec->head);
            *size += flush->codec->head;
        } else if (flush->codec->parse(flush->head, &request)) /* as it did before */
            *size += flush->codec->flushed(out + *size, &request);
        flush->asker = NULL;
        count++;
    }
    return count;
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

/* ---- all of it ---- */

static enum step one(struct loop *loop, struct request *request)
{
    if (loop->filled >= OUT_BYTES || (loop->is_cold && loop->answered[READS].requests >= COLD_READS))
        return FULL;
    if (loop->is_writing)
        return go_on_writing(loop);
    if (__atomic_load_n(&loop->table->is_bypassed, __ATOMIC_RELAXED))
        return AROUND;
    enum step step = next(loop, loop->start, request);
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
                begin(loop, &request);
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
