/*
 * A connection in its transmission phase: requests are taken many at a time, and those that the
 * table tells how to serve are answered, many at a time.  Everything else is left to the caller.
 * Nothing here knows Python.
 */
#ifndef ARCHIPELAGOD_LOOP_H
#define ARCHIPELAGOD_LOOP_H

#include "table.h"

#define MOST_HEAD 48 /* bytes, of a request or a reply */

enum sort { READ, WRITE, FLUSH, OTHER };

struct request {
    enum sort sort; /* OTHER also where flags ask for more than plain reading and writing */
    uint64_t cookie, offset;
    uint32_t size;
    uint32_t payload; /* bytes that follow the head */
};

/* A protocol. */
struct codec {
    size_t head; /* bytes of a request before its payload */
    /* False when the peer broke the grammar, or said goodbye. */
    bool (*parse)(const uint8_t *head, struct request *request);
    /* These return the length of what they wrote. */
    size_t (*data)(uint8_t *out, const struct request *request); /* what precedes the data read */
    size_t (*hole)(uint8_t *out, const struct request *request); /* NULL: zeros are sent as data */
    size_t (*done)(uint8_t *out, const struct request *request);
    size_t (*flushed)(uint8_t *out, const struct request *request);
};

/* The CRC-32 of zlib, of ``start``'s bytes and these. */
uint32_t sum32(uint32_t start, const uint8_t *data, size_t size);

extern const struct codec nbd_simple, nbd_structured, block_frames;

/* Held by whoever sends to a client, so that replies don't mix. */
struct send_lock {
    pthread_mutex_t mutex;
    bool was_wanted; /* by someone who does not wait: there is something for the holder to send */
};

bool send_lock_try(struct send_lock *lock);

/* A connection that asks for flushes.  It is there as long as one of them waits. */
struct asker {
    void *owner; /* of the caller's */
    unsigned references;
};

struct flush {
    struct asker *asker;
    const struct codec *codec;
    uint64_t received_ns;
    uint8_t head[MOST_HEAD]; /* of the request */
};

/*
 * Flushes that the clients of a volume asked for.  One thread performs them; it takes all that wait
 * at once, and what it took is its group until it answered it.
 */
struct flushes {
    pthread_mutex_t lock; /* of all but the group, and of the askers' references */
    pthread_cond_t come;
    struct flush *waiting, *group;
    size_t waiting_count, waiting_room, group_count, group_room;
    bool is_attended; /* by that thread */
    bool was_woken;
};

void flushes_init(struct flushes *flushes);
void flushes_free(struct flushes *flushes, void (*drop)(void *owner));
size_t flushes_wait(struct flushes *flushes); /* for one at least, or to be woken: the group's size */
void flushes_wake(struct flushes *flushes);
void *flushes_release(struct flushes *flushes, struct asker *asker); /* the owner, if it was the last */
/*
 * That one of the group, and all others of its asker: their number, and their replies, or the heads of
 * the requests if they failed.  The references to the asker are the caller's from here on.
 */
size_t flushes_answer(struct flushes *flushes, struct flush *first, bool is_done, uint8_t *out, size_t *size);

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
