"""Arrow's perf.proto by hand: what its benchmark puts into descriptors and tickets.

Perf is (streams, records per stream, records per batch), Token is (Perf, start, end).
"""


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def fields(message):
    """The fields of a message by number; the last of each counts."""
    got, at = {}, 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = message[at]
            at += 1
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return n

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            got[tag >> 3] = number()
        elif tag & 7 == 2:
            length = number()
            got[tag >> 3] = message[at : at + length]
            at += length
        else:
            raise ValueError(f"wire type {tag & 7} in perf.proto")
    return got


def write_perf(streams, records, batch):
    return b"\x10" + varint(streams) + b"\x18" + varint(records) + b"\x20" + varint(batch)


def read_perf(message):
    got = fields(message)
    return got.get(2, 0), got.get(3, 0), got.get(4, 0)


def write_token(perf, start, end):
    definition = write_perf(*perf)
    return b"\x0a" + varint(len(definition)) + definition + b"\x10" + varint(start) + b"\x18" + varint(end)


def read_token(message):
    got = fields(message)
    return read_perf(got.get(1, b"")), got.get(2, 0), got.get(3, 0)
