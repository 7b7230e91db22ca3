// Cursor and SendBuffer: bytes in network order, within bounds; and on their way out.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <type_traits>

#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;
using namespace wire_check;

namespace {

/// The largest array that was allocated since it was last set.
std::size_t largest_array = 0;

TEST(Load, ReadsNetworkOrderOfEveryWidth) {
    const char bytes[] = "\x01\x02\x03\x04\x05\x06\x07\xff";
    EXPECT_EQ(load<std::uint8_t>(bytes), 1);
    EXPECT_EQ(load<std::int16_t>(bytes), 0x0102);
    EXPECT_EQ(load<std::int32_t>(bytes), 0x01020304);
    EXPECT_EQ(load<std::int64_t>(bytes), 0x01020304050607ff);
    EXPECT_EQ(load<std::int8_t>(bytes + 7), -1);
    EXPECT_EQ(load<std::uint16_t>(bytes + 6), 0x07ff);
}

template <class T>
void expect_stored_and_loaded() {
    for (const T value : {std::numeric_limits<T>::min(), T{0}, T{1}, std::numeric_limits<T>::max()}) {
        char bytes[sizeof(T)];
        store(bytes, value);
        EXPECT_EQ(load<T>(bytes), value);
        EXPECT_EQ(static_cast<unsigned char>(bytes[0]),
                  static_cast<std::make_unsigned_t<T>>(value) >> (8 * (sizeof(T) - 1)));
    }
}

TEST(Store, WritesWhatLoadReadsWithTheHighestByteInFront) {
    expect_stored_and_loaded<std::int8_t>();
    expect_stored_and_loaded<std::uint16_t>();
    expect_stored_and_loaded<std::int32_t>();
    expect_stored_and_loaded<std::uint64_t>();
}

TEST(Cursor, TakesFieldsFrontToBack) {
    const std::string body = int16(7) + "name\0"s + int32(9) + "rest";
    Cursor at(body);
    EXPECT_EQ(at.take<std::int16_t>(), 7);
    EXPECT_EQ(at.text(), "name");
    EXPECT_EQ(at.take<std::uint32_t>(), 9U);
    EXPECT_EQ(at.left(), 4U);
    EXPECT_FALSE(at.done());
    EXPECT_EQ(at.bytes(4), "rest");
    EXPECT_TRUE(at.good());
    EXPECT_TRUE(at.done());
}

TEST(Cursor, GivesZeroesAndEmptyTextsBehindItsEnd) {
    Cursor at("\x01\x02\x03");
    EXPECT_EQ(at.take<std::uint32_t>(), 0U);
    EXPECT_FALSE(at.good());
    EXPECT_FALSE(at.done());
    EXPECT_EQ(at.left(), 0U);
    EXPECT_EQ(at.take<std::uint8_t>(), 0);
    EXPECT_EQ(at.bytes(1), "");
    EXPECT_EQ(at.text(), "");
    EXPECT_FALSE(at.good());
}

TEST(Cursor, FailsAtATextWithoutItsZero) {
    Cursor at("name");
    EXPECT_EQ(at.text(), "");
    EXPECT_FALSE(at.good());
}

TEST(Cursor, FailsAtMoreBytesThanAreLeftHoweverMany) {
    for (const std::size_t count : {std::size_t{4}, std::numeric_limits<std::size_t>::max()}) {
        Cursor at("abc");
        EXPECT_EQ(at.bytes(count), "");
        EXPECT_FALSE(at.good());
    }
}

TEST(Cursor, ReadsNothingOfNothing) {
    Cursor at{std::string_view()};
    EXPECT_TRUE(at.done());
    EXPECT_EQ(at.bytes(0), "");
    EXPECT_TRUE(at.done());
    EXPECT_EQ(at.text(), "");
    EXPECT_FALSE(at.good());
}

TEST(Cursor, CanBeFailedByItsReader) {
    Cursor at("abc");
    at.fail();
    EXPECT_FALSE(at.good());
    EXPECT_EQ(at.left(), 0U);
}

TEST(SendBuffer, IsEmptyAtFirst) {
    const SendBuffer out;
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(out.unsent(), "");
}

TEST(SendBuffer, AppendsBytesTextsAndNumbers) {
    SendBuffer out;
    out.put(std::int16_t{258});
    out.put_bytes("ab");
    out.put_bytes("");
    out.put_text("cd");
    out.put_text("");
    out.put('e');
    *out.claim(1) = 'f';
    EXPECT_EQ(out.unsent(), "\x01\x02"s + "abcd\0\0ef"s);
}

TEST(SendBuffer, WritesTheLengthOfAMessageBehindIt) {
    SendBuffer out;
    const std::size_t outer = out.begin('X');
    out.put_bytes("abc");
    out.end(outer);
    const std::size_t packet = out.begin();
    out.end(packet);
    EXPECT_EQ(out.unsent(), "X"s + int32(7) + "abc" + int32(4));
}

TEST(SendBuffer, TakesOffInFrontWhatWasSent) {
    SendBuffer out;
    out.put_bytes("abcdef");
    const char* const place = out.unsent().data();
    out.sent(2);
    EXPECT_EQ(out.unsent(), "cdef");
    out.sent(0);
    EXPECT_EQ(out.unsent(), "cdef");
    out.put_bytes("g");
    out.sent(5);
    EXPECT_TRUE(out.empty());
    out.put_bytes("h");
    EXPECT_EQ(out.unsent(), "h");
    EXPECT_EQ(out.unsent().data(), place) << "all of the room again";
}

TEST(SendBuffer, KeepsItsBytesWhenItGrows) {
    SendBuffer out;
    std::string all;
    for (int i = 0; i < 2000; ++i) {
        out.put_bytes(all.substr(all.size() - all.size() % 97));
        all += all.substr(all.size() - all.size() % 97);
        out.put(static_cast<char>(i));
        all += static_cast<char>(i);
    }
    EXPECT_EQ(out.unsent(), all);
    out.put_bytes(std::string(100000, 'x'));
    EXPECT_EQ(out.unsent(), all + std::string(100000, 'x'));
}

TEST(SendBuffer, FindsAMessageAgainThatWasBegunBeforeItGrewOrMoved) {
    SendBuffer out;
    out.put_bytes(std::string(3000, 'a'));
    out.sent(2999);
    const std::size_t large = out.begin('L');
    out.put_bytes(std::string(200000, 'b'));
    out.end(large);
    EXPECT_EQ(out.unsent(), "a" + message('L', std::string(200000, 'b')));

    out.sent(200000);
    const std::size_t small = out.begin('S');
    for (int i = 0; i < 1000; ++i) {
        out.put_bytes(std::string(1000, 'c'));
        out.put_bytes("");
    }
    out.end(small);
    EXPECT_EQ(out.unsent(), "bbbbbb" + message('S', std::string(1000000, 'c')));
}

TEST(SendBuffer, FindsAMessageAgainWhenWhatWasSentBeforeItMakesRoom) {
    for (const std::size_t size : {200U, 5000U}) {  // in the same room, and in a larger one
        SendBuffer out;
        out.put_bytes(std::string(900, 'a'));
        out.sent(899);
        const std::size_t begun = out.begin('B');
        out.put_bytes(std::string(size, 'b'));
        out.end(begun);
        EXPECT_EQ(out.unsent(), "a" + message('B', std::string(size, 'b')));
    }
}

TEST(SendBuffer, GrowsNoFurtherWhenItIsFilledAsFastAsItIsSent) {
    SendBuffer out;
    out.put_bytes("never empty");
    largest_array = 0;
    const std::string piece(1000, 'x');
    for (int i = 0; i < 10000; ++i) {
        out.put_bytes(piece);
        out.sent(piece.size());
        ASSERT_EQ(out.unsent().size(), 11U);
    }
    EXPECT_LE(largest_array, 8192U);
}

TEST(SendBuffer, ForgetsAllWhenCleared) {
    SendBuffer out;
    out.put_bytes("abc");
    out.sent(1);
    out.clear();
    EXPECT_TRUE(out.empty());
    const std::size_t again = out.begin('A');
    out.end(again);
    EXPECT_EQ(out.unsent(), message('A', ""));
}

TEST(SendBuffer, KeepsALittleRoomOfItsOwnAndHandsBackTheChunk) {
    SendBuffer out;
    largest_array = 0;
    out.put_bytes("a");
    EXPECT_EQ(largest_array, 496U);
    const char* const own = out.unsent().data();
    out.clear();
    out.release();
    out.put_bytes("b");
    EXPECT_EQ(out.unsent().data(), own);

    const char* const chunk = process_chunks().lend(1)->data();  // is lent next, too
    out.put_bytes(std::string(5000, 'b'));
    EXPECT_EQ(out.unsent().data(), chunk);
    out.release();
    EXPECT_EQ(out.unsent(), std::string(5001, 'b')) << "what is unsent stays";

    out.clear();
    out.release();
    EXPECT_EQ(process_chunks().lend(1)->data(), chunk) << "it went back";
    out.put_bytes("c");
    EXPECT_EQ(out.unsent(), "c");
    EXPECT_EQ(out.unsent().data(), own);
}

TEST(SendBuffer, OfManyBytesAtOnceTakesNoRoomOfItsOwn) {
    SendBuffer out;
    largest_array = 0;
    out.put_bytes(std::string(5000, 'a'));
    EXPECT_EQ(out.unsent(), std::string(5000, 'a'));
    out.clear();
    out.release();
    EXPECT_EQ(largest_array, 0U);
    EXPECT_TRUE(out.empty());
    out.put_bytes("b");
    EXPECT_EQ(out.unsent(), "b");
    EXPECT_EQ(largest_array, 496U);
}

}  // namespace

// SendBuffer is the only one here to allocate arrays of its own.
void* operator new[](std::size_t size) {
    largest_array = std::max(largest_array, size);
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
