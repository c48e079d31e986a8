/*
 * What of an open volume may be read and written directly: one entry for each 4 MiB of it.
 *
 * Those who serve hold the lock for reading while they use a descriptor, those who change entries
 * hold it for writing: a change waits for the requests in work, and none begins before it is done.
 */
#ifndef ARCHIPELAGOD_TABLE_H
#define ARCHIPELAGOD_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECT_SHIFT 22
#define OBJECT_BYTES (1u << OBJECT_SHIFT)
#define BLOCK_SHIFT 12
#define BLOCK_BYTES (1u << BLOCK_SHIFT)
#define BITMAP_WORDS (OBJECT_BYTES / BLOCK_BYTES / 64)
#define BUCKETS 28 /* of a histogram: bucket n counts what took less than 2^n us */

/* A new mapping is all zeros: an entry that nobody wrote is unknown, and takes no memory. */
enum state { UNKNOWN, SLOW, ZEROS, DIRECT };

struct entry {
    uint64_t *present; /* blocks that fd holds; NULL: all */
    void *keep;        /* while it lives the descriptors stay open */
    int32_t fd;
    int32_t parent_fd; /* holds the other blocks; -1: they are zeros */
    uint8_t state;
    uint8_t is_writable;
    uint8_t was_used; /* since the hand came by */
    uint8_t is_dirty; /* among those written since the last flush */
};

/* What was written in one object. */
struct written {
    uint32_t index, inner, size;
};

#define MOST_WRITTEN 512 /* noted between two flushes; after that only which objects */

enum operation { READS, WRITES, FLUSHES, OPERATIONS };

struct counters {
    uint64_t bytes, us, latency[BUCKETS];
};

struct table {
    pthread_rwlock_t lock;
    struct entry *entries;
    uint64_t size_bytes;
    size_t count;           /* entries */
    uint64_t generation;    /* changes so far: an entry found out before one is not installed */
    uint32_t *direct;       /* indexes of direct entries; some may be so no longer */
    size_t direct_count, direct_room, direct_limit, hand;
    pthread_mutex_t dirty_lock;
    uint32_t *dirty; /* indexes */
    size_t dirty_count, dirty_room;
    struct written written[MOST_WRITTEN];
    size_t written_count; /* more than there is room for: some are not noted */
    int only_cached;        /* RWF_NOWAIT, or 0 where the file system can't */
    bool sends_files;       /* until sendfile failed once */
    bool is_bypassed;       /* nothing is served by us for now */
    struct counters counters[OPERATIONS];
};

/* The part at the front of a range that lies in one file; fd -1: it is zeros. */
struct run {
    int fd;
    bool is_hole; /* a whole object is not there */
    uint64_t at;
    uint32_t size;
};

extern size_t table_most_direct; /* in all tables together; each may have a few beyond it */

bool table_init(struct table *table, uint64_t size_bytes, size_t direct_limit);
void table_free(struct table *table, void (*drop)(void *keep));

/* Under the lock, for reading: */
bool table_is_known(const struct table *table, uint64_t offset, uint32_t size);
bool table_run(struct table *table, uint64_t offset, uint32_t size, struct run *run);
bool table_write_run(struct table *table, uint64_t offset, uint32_t size, struct run *run);
bool table_note_written(struct table *table, const struct written *written, size_t count);

/* These lock by themselves.  ``keep``s that they return are to be dropped by the caller. */
bool table_install(struct table *table, size_t index, struct entry made, uint64_t generation,
                   void **dropped);
void *table_forget(struct table *table, size_t index);
void table_fill(struct table *table, size_t index, unsigned first, unsigned count);
void table_freeze(struct table *table);
bool table_resize(struct table *table, uint64_t size_bytes, struct table *old);
size_t table_take_dirty(struct table *table, uint32_t **taken, struct written *written, size_t *written_count);
void table_count(struct table *table, enum operation operation, uint64_t requests, uint64_t bytes,
                 uint64_t latency_ns);

#endif
