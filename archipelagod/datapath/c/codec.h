/* The protocols of clients: what a request says, and how it is answered. */
#ifndef ARCHIPELAGOD_CODEC_H
#define ARCHIPELAGOD_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
