/* How the loop's parts go together.  Each of them is a subject: the socket, reads, writes. */
#ifndef ARCHIPELAGOD_STEPS_H
#define ARCHIPELAGOD_STEPS_H

#include "loop.h"

#define IN_BYTES (512u << 10)
#define OUT_BYTES (64u << 10)    /* sent when it is that long, or the requests end */
#define MOST_COPIED (1u << 20)   /* bytes of a read that goes through ``out`` */
#define OUT_ROOM (MOST_COPIED + OUT_BYTES)

/* What became of the request at hand, and what is to be done next. */
enum step {
    DONE,
    INPUT,  /* more must be received */
    FULL,   /* replies must be sent first */
    MISS,   /* the medium must be waited for */
    LARGE,  /* a read is to be sent from its files */
    ASK,    /* an entry is not known */
    REFUSE, /* for the caller */
    BROKEN,
    LOST,
    AROUND, /* the table is bypassed */
};

static inline uint32_t least(uint32_t a, size_t b)
{
    return a < b ? a : (uint32_t)b;
}

/* ---- socket.c ---- */

bool send_all(int fd, const uint8_t *data, size_t size, int flags);
bool send_out(struct loop *loop);
bool receive(struct loop *loop);     /* waits for more requests; false when the client is gone */
void receive_now(struct loop *loop); /* takes what is there already */
void answered(struct loop *loop, enum operation operation, uint32_t size); /* to be counted when it is sent */
void count_answered(struct loop *loop);

/* ---- upcoming.c ---- */

enum step next_request(const struct loop *loop, size_t at, struct request *request);
bool is_within(const struct loop *loop, const struct request *request);
/*
 * Whether all entries that requests here need are known.  They are found out before the first is
 * performed, so that all that must be read from the medium can be announced at once.
 */
bool look_up(struct loop *loop);
/* Tells the kernel of all reads that are here, so that the medium does them at once. */
void announce(struct loop *loop);

/* ---- reads.c ---- */

enum step read_request(struct loop *loop, const struct request *request);
bool send_large(struct loop *loop, const struct request *request);

/* ---- writes.c ---- */

void begin_request(struct loop *loop, const struct request *request);
enum step write_request(struct loop *loop, const struct request *request);
enum step go_on_writing(struct loop *loop);
/* Returns false when the client must be lost: nothing that was written may be acknowledged. */
bool hand_in_notes(struct loop *loop);

#endif
