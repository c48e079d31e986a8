/* Frames of the block protocol: see docs/protocol.md.  All numbers are little endian. */
#include "loop.h"

#include <endian.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <string.h>

#define MAGIC "SNFB"
#define LAYOUT 1
#define MOST_DATA ((4u << 20) + (64u << 10))
#define MOST_IO (4u << 20)
#define MOST_TARGET 255

enum { REQUEST = 1, REPLY = 2 };
enum { OPERATION_READ = 10, OPERATION_WRITE = 11, OPERATION_FLUSH = 12 };

struct __attribute__((packed)) frame {
    char magic[4];
    uint8_t layout, kind;
    uint16_t operation, flags, status;
    uint64_t serial, offset, size;
    uint16_t target_bytes, zero;
    uint32_t data_bytes, sum;
};

_Static_assert(sizeof(struct frame) == MOST_HEAD, "a header has 48 bytes");

static uint32_t sums[4][256]; /* of a byte, followed by 0 to 3 zeros */

__attribute__((constructor)) static void make_sums(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t sum = byte;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xEDB88320u : 0);
        sums[0][byte] = sum;
    }
    for (int zeros = 1; zeros < 4; zeros++)
        for (uint32_t byte = 0; byte < 256; byte++)
            sums[zeros][byte] = sums[zeros - 1][byte] >> 8 ^ sums[0][sums[zeros - 1][byte] & 255];
}

#ifdef __x86_64__
#define HAS_FOLDING __builtin_cpu_supports("pclmul")

/* x times x^n mod P, for the n of both constants: that moves it so many bits ahead. */
__attribute__((target("pclmul"))) static inline __m128i ahead(__m128i x, __m128i constants)
{
    return _mm_clmulepi64_si128(x, constants, 0x00) ^ _mm_clmulepi64_si128(x, constants, 0x11);
}

/*
 * What has the same sum: 16 bytes for many, at least 64, a multiple of 16.  Source of the method and
 * the constants: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel, 2009.
 */
__attribute__((target("pclmul"))) static void fold(uint32_t sum, const uint8_t *data, size_t size, uint8_t *out)
{
    const __m128i by_512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    const __m128i *from = (const __m128i *)data, *end = (const __m128i *)(data + size);
    __m128i lanes[4];

    for (int lane = 0; lane < 4; lane++)
        lanes[lane] = _mm_loadu_si128(from++);
    lanes[0] ^= _mm_cvtsi32_si128(sum);
    for (; end - from >= 4; from += 4)
        for (int lane = 0; lane < 4; lane++)
            lanes[lane] = ahead(lanes[lane], by_512) ^ _mm_loadu_si128(from + lane);
    for (int lane = 1; lane < 4; lane++)
        lanes[0] = ahead(lanes[0], by_128) ^ lanes[lane];
    for (; from < end; from++)
        lanes[0] = ahead(lanes[0], by_128) ^ _mm_loadu_si128(from);
    _mm_storeu_si128((__m128i *)out, lanes[0]);
}
#else
#define HAS_FOLDING false
static void fold(uint32_t sum, const uint8_t *data, size_t size, uint8_t *out) {}
#endif

static uint32_t sum_words(uint32_t sum, const uint8_t *data, size_t words)
{
    for (; words; words--, data += 4) {
        uint32_t four;
        memcpy(&four, data, 4);
        sum ^= le32toh(four);
        sum = sums[3][sum & 255] ^ sums[2][sum >> 8 & 255] ^ sums[1][sum >> 16 & 255] ^ sums[0][sum >> 24];
    }
    return sum;
}

uint32_t sum32(uint32_t start, const uint8_t *data, size_t size)
{
    uint32_t sum = ~start;

    if (size >= 64 && HAS_FOLDING) {
        uint8_t folded[16];
        fold(sum, data, size & ~(size_t)15, folded);
        sum = sum_words(0, folded, sizeof folded / 4);
        data += size & ~(size_t)15;
        size &= 15;
    }
    sum = sum_words(sum, data, size / 4);
    for (data += size & ~(size_t)3, size &= 3; size; size--)
        sum = sums[0][(sum ^ *data++) & 255] ^ sum >> 8;
    return ~sum;
}

/* Of the header without its sum. */
static uint32_t checksum(const struct frame *frame)
{
    return ~sum_words(~0u, (const uint8_t *)frame, offsetof(struct frame, sum) / 4);
}

/*
 * A damaged header is left to the caller as an OTHER without payload: it has words for it, and
 * ends the connection.
 */
static bool parse(const uint8_t *at, struct request *request)
{
    struct frame frame;

    memset(request, 0, sizeof *request);
    request->sort = OTHER;
    memcpy(&frame, at, sizeof frame);
    uint32_t target = le16toh(frame.target_bytes), data = le32toh(frame.data_bytes);
    if (memcmp(frame.magic, MAGIC, sizeof frame.magic) || frame.layout != LAYOUT || frame.zero ||
        le32toh(frame.sum) != checksum(&frame) || target > MOST_TARGET || data > MOST_DATA)
        return true;
    request->payload = target + data;
    if (frame.kind != REQUEST || target || frame.flags || frame.status)
        return true;
    uint16_t operation = le16toh(frame.operation);
    uint64_t size = le64toh(frame.size);
    request->cookie = frame.serial;
    request->offset = le64toh(frame.offset);
    if (operation == OPERATION_READ && size && size <= MOST_IO && !data) {
        request->size = size;
        request->sort = READ;
    }
    if (operation == OPERATION_WRITE && data && data <= MOST_IO) {
        request->size = data;
        request->sort = WRITE;
    }
    if (operation == OPERATION_FLUSH && !data)
        request->sort = FLUSH;
    return true;
}

static size_t reply(uint8_t *out, const struct request *request, uint16_t operation, uint32_t data)
{
    struct frame frame = {.magic = MAGIC, .layout = LAYOUT, .kind = REPLY, .serial = request->cookie};

    frame.operation = htole16(operation);
    frame.data_bytes = htole32(data);
    frame.sum = htole32(checksum(&frame));
    memcpy(out, &frame, sizeof frame);
    return sizeof frame;
}

static size_t data_reply(uint8_t *out, const struct request *request)
{
    return reply(out, request, OPERATION_READ, request->size);
}

static size_t done_reply(uint8_t *out, const struct request *request)
{
    return reply(out, request, OPERATION_WRITE, 0);
}

static size_t flushed_reply(uint8_t *out, const struct request *request)
{
    return reply(out, request, OPERATION_FLUSH, 0);
}

const struct codec block_frames = {sizeof(struct frame), parse, data_reply, NULL, done_reply, flushed_reply};
