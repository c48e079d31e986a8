#include "flushes.h"

#include <stdlib.h>
#include <string.h>

void flushes_init(struct flushes *flushes)
{
    pthread_mutex_init(&flushes->lock, NULL);
    pthread_cond_init(&flushes->come, NULL);
}

static void drop_askers(struct flushes *flushes, struct group *group, void (*drop)(void *))
{
    for (size_t at = 0; at < group->count; at++) {
        struct asker *asker = group->flushes[at].asker;
        void *owner = asker ? flushes_release(flushes, asker) : NULL;
        if (owner)
            drop(owner);
    }
    free(group->flushes);
    *group = (struct group){0};
}

void flushes_free(struct flushes *flushes, void (*drop)(void *owner))
{
    drop_askers(flushes, &flushes->waiting, drop);
    for (size_t at = 0; at < MOST_GROUPS; at++)
        drop_askers(flushes, &flushes->groups[at], drop);
}

static struct flush *room_for_one(struct group *group)
{
    if (group->count == group->room) {
        size_t room = group->room ? 2 * group->room : 16;
        struct flush *more = realloc(group->flushes, room * sizeof *more);
        if (!more)
            return NULL;
        group->flushes = more;
        group->room = room;
    }
    return &group->flushes[group->count];
}

bool flushes_add(struct flushes *flushes, const struct flush *asked)
{
    struct flush *room = NULL;

    pthread_mutex_lock(&flushes->lock);
    if (flushes->is_attended)
        room = room_for_one(&flushes->waiting);
    if (room) {
        *room = *asked;
        asked->asker->references++;
        if (!flushes->waiting.count++)
            pthread_cond_signal(&flushes->come);
    }
    pthread_mutex_unlock(&flushes->lock);
    return room;
}

/* Those of the group's last turn are answered. */
size_t flushes_wait(struct flushes *flushes, struct group *group)
{
    struct group answered = {group->flushes, 0, group->room};

    pthread_mutex_lock(&flushes->lock);
    flushes->is_attended = true;
    while (!flushes->waiting.count && !flushes->was_woken)
        pthread_cond_wait(&flushes->come, &flushes->lock);
    flushes->was_woken = false;
    *group = flushes->waiting;
    flushes->waiting = answered;
    pthread_mutex_unlock(&flushes->lock);
    return group->count;
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

size_t flushes_answer(struct group *group, struct flush *first, bool is_done, uint8_t *out, size_t *size)
{
    struct asker *asker = first->asker;
    struct request request;
    size_t count = 0;

    *size = 0;
    for (struct flush *flush = first; flush < group->flushes + group->count; flush++) {
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
