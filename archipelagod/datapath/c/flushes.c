#include "flushes.h"

#include <stdlib.h>
#include <string.h>

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

bool flushes_add(struct flushes *flushes, const struct flush *asked)
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
