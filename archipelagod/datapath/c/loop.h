/*
 * A connection in its transmission phase: requests are taken many at a time, and those that the
 * table tells how to serve are answered, many at a time.  Everything else is left to the caller.
 * Nothing here knows Python.
 */
#ifndef ARCHIPELAGOD_LOOP_H
#define ARCHIPELAGOD_LOOP_H

#include "flushes.h"
#include "table.h"

/* Held by whoever sends to a client, so that replies don't mix. */
struct send_lock {
    pthread_mutex_t mutex;
    bool was_wanted; /* by someone who does not wait: there is something for the holder to send */
};

bool send_lock_try(struct send_lock *lock);

enum outcome {
    GONE,    /* the client closed, or broke the grammar */
    PERFORM, /* one request, which loop_take takes out */
    RESOLVE, /* the entry at ``index`` */
    POSTED,  /* the send lock was wanted */
    BYPASS,  /* the table is not to be used: the caller takes what is in ``in``, too */
};

struct segment {
    int fd; /* ours to close; -1: zeros */
    int64_t at;
    uint32_t size;
};

#define MOST_SEGMENTS 16
#define MOST_NOTES 64

struct loop {
    int fd;
    struct table *table;
    struct send_lock *lock;
    struct flushes *flushes;
    struct asker *asker; /* NULL: flushes are the caller's */
    size_t flushes_asked; /* ... and not told to the caller */
    const struct codec *codec;
    uint8_t *in, *out;
    size_t start, end;  /* of what was received and not yet done */
    size_t looked_up;   /* requests that begin before this have known entries */
    size_t announced;   /* ... and were told to the kernel */
    size_t filled;      /* bytes of out */
    size_t index;       /* of an outcome RESOLVE */
    unsigned asked;     /* times that RESOLVE was returned without progress */
    bool may_wait;      /* for the medium, in the next read */
    bool is_cold;       /* the requests at hand had to wait for it */
    bool is_writing;    /* the payload of: */
    struct request current;
    uint8_t head[MOST_HEAD];
    uint32_t written;
    struct written notes[MOST_NOTES]; /* of writes, not yet in the table */
    size_t note_count;
    struct segment segments[MOST_SEGMENTS];
    unsigned segment_count;
    uint64_t received_ns;
    uint64_t waited_ns;      /* for what was received last */
    uint64_t tired_until_ns; /* by the same clock: others want the processor */
    unsigned batch;          /* requests answered since something was received */
    uint64_t awake;          /* times that something was received without sleeping */
    struct {
        uint64_t requests, bytes;
    } answered[OPERATIONS]; /* not yet sent */
};

uint64_t loop_now_ns(void); /* by the clock of latencies */

bool loop_init(struct loop *loop);
bool loop_push(struct loop *loop, const uint8_t *data, size_t size); /* received by others */
void loop_free(struct loop *loop);
enum outcome loop_run(struct loop *loop);

/* After PERFORM: loop->head, then loop->current.payload - loop->written bytes of it. */
bool loop_take(struct loop *loop, uint8_t *payload);

/* Bytes of the whole requests that are here, at most so many; the caller takes them from in. */
size_t loop_whole(const struct loop *loop, unsigned most);

#endif
