#define _GNU_SOURCE
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define FEW 16

size_t table_most_direct = SIZE_MAX;

static size_t all_direct; /* in all tables */

static size_t entries_for(uint64_t size_bytes)
{
    return (size_bytes + OBJECT_BYTES - 1) >> OBJECT_SHIFT;
}

static size_t mapped_bytes(size_t count)
{
    return (count ? count : 1) * sizeof(struct entry);
}

static struct entry *map_entries(size_t count)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *made = mmap(NULL, mapped_bytes(count), PROT_READ | PROT_WRITE, flags, -1, 0);
    return made == MAP_FAILED ? NULL : made;
}

bool table_init(struct table *table, uint64_t size_bytes, size_t direct_limit)
{
    pthread_rwlockattr_t attributes;

    memset(table, 0, sizeof *table);
    table->size_bytes = size_bytes;
    table->count = entries_for(size_bytes);
    table->direct_limit = direct_limit;
    table->only_cached = RWF_NOWAIT;
    table->sends_files = true;
    table->entries = map_entries(table->count);
    if (!table->entries)
        return false;
    /* Otherwise connections that take turns would keep a change out for ever. */
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&table->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&table->dirty_lock, NULL);
    return true;
}

/* What must be dropped; the entry is as if nobody had known anything.  Dirt stays. */
static void *clear(struct entry *entry)
{
    void *keep = entry->keep;

    free(entry->present);
    entry->present = NULL;
    entry->keep = NULL;
    entry->state = UNKNOWN;
    entry->is_writable = 0;
    return keep;
}

static void clear_all(struct table *table, void (*drop)(void *keep))
{
    for (size_t at = 0; at < table->direct_count; at++) {
        void *keep = clear(&table->entries[table->direct[at]]);
        if (keep)
            drop(keep);
    }
    __atomic_fetch_sub(&all_direct, table->direct_count, __ATOMIC_RELAXED);
    table->direct_count = table->hand = 0;
}

void table_free(struct table *table, void (*drop)(void *keep))
{
    if (table->entries) {
        clear_all(table, drop);
        munmap(table->entries, mapped_bytes(table->count));
    }
    free(table->direct);
    free(table->dirty);
    table->entries = NULL;
    table->direct = table->dirty = NULL;
}

bool table_is_known(const struct table *table, uint64_t offset, uint32_t size)
{
    if (!size || offset + size < offset || offset + size > table->size_bytes)
        return true; /* nothing to find out: it will be refused */
    for (uint64_t index = offset >> OBJECT_SHIFT; index <= (offset + size - 1) >> OBJECT_SHIFT; index++)
        if (table->entries[index].state == UNKNOWN)
            return false;
    return true;
}

static bool is_present(const struct entry *entry, unsigned block)
{
    uint64_t word = __atomic_load_n(&entry->present[block / 64], __ATOMIC_ACQUIRE);
    return word >> (block % 64) & 1;
}

static void mark_used(struct entry *entry)
{
    if (!__atomic_load_n(&entry->was_used, __ATOMIC_RELAXED)) /* or all would share the line */
        __atomic_store_n(&entry->was_used, 1, __ATOMIC_RELAXED);
}

bool table_run(struct table *table, uint64_t offset, uint32_t size, struct run *run)
{
    struct entry *entry = &table->entries[offset >> OBJECT_SHIFT];
    uint32_t inner = offset & (OBJECT_BYTES - 1);

    run->at = inner;
    run->size = size < OBJECT_BYTES - inner ? size : OBJECT_BYTES - inner;
    run->fd = -1;
    run->is_hole = entry->state == ZEROS;
    if (run->is_hole)
        return true;
    if (entry->state != DIRECT)
        return false;
    mark_used(entry);
    run->fd = entry->fd;
    if (!entry->present)
        return true;
    unsigned block = inner >> BLOCK_SHIFT;
    unsigned end = (inner + run->size - 1) >> BLOCK_SHIFT;
    bool ours = is_present(entry, block);
    while (++block <= end)
        if (is_present(entry, block) != ours) {
            run->size = (block << BLOCK_SHIFT) - inner;
            break;
        }
    if (!ours)
        run->fd = entry->parent_fd;
    return true;
}

bool table_write_run(struct table *table, uint64_t offset, uint32_t size, struct run *run)
{
    struct entry *entry = &table->entries[offset >> OBJECT_SHIFT];
    uint32_t inner = offset & (OBJECT_BYTES - 1);

    if (entry->state != DIRECT || !entry->is_writable)
        return false;
    mark_used(entry);
    run->at = inner;
    run->size = size < OBJECT_BYTES - inner ? size : OBJECT_BYTES - inner;
    run->fd = entry->fd;
    if (entry->present)
        for (unsigned block = inner >> BLOCK_SHIFT; block <= (inner + run->size - 1) >> BLOCK_SHIFT; block++)
            if (!is_present(entry, block))
                return false;
    return true;
}

static bool add_dirty(struct table *table, uint32_t index)
{
    struct entry *entry = &table->entries[index];

    if (entry->is_dirty)
        return true;
    if (table->dirty_count == table->dirty_room) {
        size_t room = table->dirty_room ? 2 * table->dirty_room : 64;
        uint32_t *more = realloc(table->dirty, room * sizeof *more);
        if (!more)
            return false;
        table->dirty = more;
        table->dirty_room = room;
    }
    table->dirty[table->dirty_count++] = index;
    entry->is_dirty = 1;
    return true;
}

/*
 * To be called after the write and before it is acknowledged: a flush takes the notes first and
 * syncs then.  False: out of memory, the write must not be acknowledged.
 */
bool table_note_written(struct table *table, const struct written *written, size_t count)
{
    bool is_done = true;

    pthread_mutex_lock(&table->dirty_lock);
    for (size_t at = 0; is_done && at < count; at++) {
        is_done = add_dirty(table, written[at].index);
        if (table->written_count < MOST_WRITTEN)
            table->written[table->written_count] = written[at];
        table->written_count += table->written_count <= MOST_WRITTEN;
    }
    pthread_mutex_unlock(&table->dirty_lock);
    return is_done;
}

/* The number of indexes; ``written_count`` is above MOST_WRITTEN when only they are known. */
size_t table_take_dirty(struct table *table, uint32_t **taken, struct written *written, size_t *written_count)
{
    pthread_rwlock_rdlock(&table->lock); /* the entries stay where they are */
    pthread_mutex_lock(&table->dirty_lock);
    size_t count = table->dirty_count;
    *taken = table->dirty;
    for (size_t at = 0; at < count; at++)
        table->entries[table->dirty[at]].is_dirty = 0;
    table->dirty = NULL;
    table->dirty_count = table->dirty_room = 0;
    *written_count = table->written_count;
    memcpy(written, table->written, sizeof table->written);
    table->written_count = 0;
    pthread_mutex_unlock(&table->dirty_lock);
    pthread_rwlock_unlock(&table->lock);
    return count;
}

static bool can_grow(struct table *table)
{
    if (table->direct_count == table->direct_limit)
        return false;
    if (table->direct_count >= FEW && __atomic_load_n(&all_direct, __ATOMIC_RELAXED) >= table_most_direct)
        return false;
    if (table->direct_count < table->direct_room)
        return true;
    size_t room = table->direct_room ? 2 * table->direct_room : FEW;
    uint32_t *more = realloc(table->direct, room * sizeof *more);
    if (more) {
        table->direct = more;
        table->direct_room = room;
    }
    return more;
}

/*
 * Notes a direct entry: in a new place of the list, or in that of one that was not used for a
 * while, which is cleared.  False: out of memory.
 */
static bool list_direct(struct table *table, uint32_t index, void **dropped)
{
    if (can_grow(table)) {
        __atomic_fetch_add(&all_direct, 1, __ATOMIC_RELAXED);
        table->direct[table->direct_count++] = index;
        return true;
    }
    while (table->direct_count) {
        size_t at = table->hand;
        struct entry *entry = &table->entries[table->direct[at]];
        table->hand = (at + 1) % table->direct_count;
        if (entry->state == DIRECT && entry->was_used) {
            entry->was_used = 0;
            continue;
        }
        if (entry->state == DIRECT)
            *dropped = clear(entry);
        table->direct[at] = index;
        return true;
    }
    return false;
}

/*
 * False, and nothing done, when something changed since ``generation``: what was found out before
 * may be wrong.
 */
bool table_install(struct table *table, size_t index, struct entry made, uint64_t generation,
                   void **dropped)
{
    pthread_rwlock_wrlock(&table->lock);
    bool is_sound = index < table->count && generation == table->generation &&
                    table->entries[index].state != DIRECT;
    if (is_sound && made.state == DIRECT)
        is_sound = list_direct(table, index, dropped);
    if (is_sound) {
        struct entry *entry = &table->entries[index];
        made.was_used = 1;
        made.is_dirty = entry->is_dirty;
        *entry = made;
    }
    pthread_rwlock_unlock(&table->lock);
    return is_sound;
}

void *table_forget(struct table *table, size_t index)
{
    void *keep = NULL;

    pthread_rwlock_wrlock(&table->lock);
    table->generation++;
    if (index < table->count)
        keep = clear(&table->entries[index]);
    pthread_rwlock_unlock(&table->lock);
    return keep;
}

void table_fill(struct table *table, size_t index, unsigned first, unsigned count)
{
    /* Who reads a block of the parent meanwhile reads what was there before the write. */
    pthread_rwlock_rdlock(&table->lock);
    __atomic_fetch_add(&table->generation, 1, __ATOMIC_SEQ_CST);
    if (index < table->count && table->entries[index].state == DIRECT && table->entries[index].present)
        for (unsigned block = first; block < first + count; block++)
            __atomic_fetch_or(&table->entries[index].present[block / 64], 1ull << (block % 64), __ATOMIC_RELEASE);
    pthread_rwlock_unlock(&table->lock);
}

void table_freeze(struct table *table)
{
    pthread_rwlock_wrlock(&table->lock);
    table->generation++;
    for (size_t at = 0; at < table->direct_count; at++)
        table->entries[table->direct[at]].is_writable = 0;
    pthread_rwlock_unlock(&table->lock);
}

/*
 * Everything is forgotten but dirt; what was known is to be freed from ``old``.  False, and nothing
 * done, when there is no memory.
 */
bool table_resize(struct table *table, uint64_t size_bytes, struct table *old)
{
    size_t count = entries_for(size_bytes), kept = 0;
    struct entry *entries = map_entries(count);

    if (!entries)
        return false;
    pthread_rwlock_wrlock(&table->lock);
    *old = (struct table){.entries = table->entries, .count = table->count,
                          .direct = table->direct, .direct_count = table->direct_count};
    table->generation++;
    table->entries = entries;
    table->count = count;
    table->size_bytes = size_bytes;
    table->direct = NULL;
    table->direct_count = table->direct_room = table->hand = 0;
    pthread_mutex_lock(&table->dirty_lock);
    for (size_t at = 0; at < table->dirty_count; at++)
        if (table->dirty[at] < count) {
            entries[table->dirty[at]].is_dirty = 1;
            table->dirty[kept++] = table->dirty[at];
        }
    table->dirty_count = kept;
    if (table->written_count)
        table->written_count = MOST_WRITTEN + 1; /* some may lie beyond the end now */
    pthread_mutex_unlock(&table->dirty_lock);
    pthread_rwlock_unlock(&table->lock);
    return true;
}

static unsigned bucket(uint64_t latency_ns)
{
    unsigned bits = 0;
    for (uint64_t us = latency_ns / 1000; us && bits < BUCKETS - 1; us >>= 1)
        bits++;
    return bits;
}

void table_count(struct table *table, enum operation operation, uint64_t requests, uint64_t bytes,
                 uint64_t latency_ns)
{
    struct counters *counters = &table->counters[operation];

    __atomic_fetch_add(&counters->bytes, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counters->us, latency_ns / 1000 * requests, __ATOMIC_RELAXED);
    __atomic_fetch_add(&counters->latency[bucket(latency_ns)], requests, __ATOMIC_RELAXED);
}
