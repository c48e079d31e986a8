/* Flushes that clients asked for, until they are answered. */
#ifndef ARCHIPELAGOD_FLUSHES_H
#define ARCHIPELAGOD_FLUSHES_H

#include "codec.h"

#include <pthread.h>

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

struct group {
    struct flush *flushes;
    size_t count, room;
};

#define MOST_GROUPS 8

/*
 * Flushes that the clients of a volume asked for.  A few threads perform them, each with a group of
 * its own: it takes all that wait at once, and what it took is its group until it answered it.
 */
struct flushes {
    pthread_mutex_t lock; /* of all but the groups, and of the askers' references */
    pthread_cond_t come;
    struct group waiting, groups[MOST_GROUPS];
    bool is_attended; /* by those threads */
    bool was_woken;
};

void flushes_init(struct flushes *flushes);
void flushes_free(struct flushes *flushes, void (*drop)(void *owner));
size_t flushes_wait(struct flushes *flushes, struct group *group); /* for one, or to be woken: the group's size */
void flushes_wake(struct flushes *flushes);
void *flushes_release(struct flushes *flushes, struct asker *asker); /* the owner, if it was the last */
/*
 * That one of the group, and all others of its asker: their number, and their replies, or the heads of
 * the requests if they failed.  The references to the asker are the caller's from here on.
 */
size_t flushes_answer(struct group *group, struct flush *first, bool is_done, uint8_t *out, size_t *size);
/* False when nobody attends to them, or there is no memory. */
bool flushes_add(struct flushes *flushes, const struct flush *asked);

#endif
