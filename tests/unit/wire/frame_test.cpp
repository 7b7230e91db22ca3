// FrameReader: frames out of bytes however they arrive, in memory that nobody writes over.
#include "src/wire/frame.hpp"

#include <algorithm>
#include <vector>

#include "src/wire/server_messages.hpp"
#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;
using namespace wire_check;
using Cut = FrameReader::Cut;

namespace {

constexpr std::string_view all_types = "RK23CWdcGHDIEVvnNAtS1sZT";
constexpr std::string_view bodiless = "123Icns";

/// Lets all of `bytes` arrive, as much at a time as there is room for.
void arrive(FrameReader& reader, std::string_view bytes) {
    while (!bytes.empty()) {
        const std::span<char> room = reader.room();
        ASSERT_GE(room.size(), 1024U);
        const std::size_t count = std::min(room.size(), bytes.size());
        bytes.copy(room.data(), count);
        reader.received(count);
        bytes.remove_prefix(count);
    }
}

Frame expect_frame(FrameReader& reader) {
    Frame frame;
    EXPECT_EQ(reader.next(frame), Cut::frame);
    return frame;
}

void expect_more(FrameReader& reader) {
    Frame frame;
    EXPECT_EQ(reader.next(frame), Cut::more);
}

/// A frame lies in the chunk that the reader names for it.
void expect_inside(const FrameReader& reader, const Frame& frame) {
    EXPECT_GE(frame.body.data(), reader.chunk()->data());
    EXPECT_LE(frame.body.data() + frame.body.size(), reader.chunk()->data() + reader.chunk()->size());
}

bool is_server_type(char type) { return all_types.find(type) != std::string_view::npos; }
bool is_long_type(char type) { return std::string_view("ACDENSTVdt").find(type) != std::string_view::npos; }

TEST(FrameReader, PassesOverARowWithoutItsMemory) {
    ChunkPool pool(1);
    FrameReader reader(pool);
    const std::string row = message('D', std::string(10'000'000, 'x'));
    const std::string end = message('C', std::string_view("SELECT 1\0", 9));
    arrive(reader, std::string_view(row).substr(0, 1000));
    expect_more(reader);
    EXPECT_EQ(reader.coming_row(), 10'000'000U);
    reader.skip_row();
    for (std::string_view rest = std::string_view(row).substr(1000); !rest.empty();) {
        const std::span<char> room = reader.room();
        EXPECT_LE(room.size(), ChunkPool::usual_size);
        const std::size_t count = std::min(room.size(), rest.size());
        rest.copy(room.data(), count);
        reader.received(count);
        rest.remove_prefix(count);
        expect_more(reader);
        EXPECT_EQ(reader.coming_row(), 0U);
    }
    arrive(reader, end);
    EXPECT_EQ(expect_frame(reader).type, ServerType::command_complete);
}

TEST(BodyLimits, AreThoseOfTheServersKindsAndNoOther) {
    for (int byte = 0; byte < 256; ++byte) {
        const char type = static_cast<char>(byte);
        EXPECT_EQ(body_limits[static_cast<std::size_t>(byte)] != 0, is_server_type(type)) << byte;
        EXPECT_EQ(body_limits[static_cast<std::size_t>(byte)] > 30001, is_long_type(type)) << byte;
    }
}

TEST(FrameReader, HasNothingAtFirst) {
    FrameReader reader;
    expect_more(reader);
    EXPECT_EQ(reader.held(), 0U);
    EXPECT_FALSE(reader.chunk());
    EXPECT_FALSE(reader.violation());
}

TEST(FrameReader, CutsFramesInTheirOrder) {
    FrameReader reader;
    arrive(reader, message('1', "") + message('C', "SELECT 1\0"s) + message('Z', "I"));
    EXPECT_EQ(expect_frame(reader).type, ServerType::parse_complete);
    const Frame tag = expect_frame(reader);
    EXPECT_EQ(tag.type, ServerType::command_complete);
    EXPECT_EQ(tag.body, "SELECT 1\0"s);
    EXPECT_EQ(reader.held(), 6U);
    EXPECT_EQ(expect_frame(reader).body, "I");
    expect_more(reader);
    EXPECT_EQ(reader.held(), 0U);
}

#if defined(__SANITIZE_ADDRESS__)
void read(const char* place) { static_cast<void>(*static_cast<const volatile char*>(place)); }

TEST(FrameReaderDeathTest, NobodyReadsBehindWhatHasArrived) {
    FrameReader reader;
    arrive(reader, message('D', "0123456789"));
    const std::string_view body = expect_frame(reader).body;
    read(body.data() + body.size() - 1);
    EXPECT_DEATH(read(body.data() + body.size()), "use-after-poison");
    std::fill_n(reader.room().data(), 10, 'x');
    reader.received(0);
    EXPECT_DEATH(read(body.data() + body.size()), "use-after-poison") << "nothing came";
}

TEST(FrameReaderDeathTest, NobodyReadsWhatWasInAChunkThatIsUsedAgain) {
    FrameReader reader;
    arrive(reader, message('D', std::string(1000, 'x')));
    const std::string_view body = expect_frame(reader).body;
    arrive(reader, message('Z', "I"));
    ASSERT_EQ(expect_frame(reader).body.data(), body.data()) << "it lies where that was";
    EXPECT_DEATH(read(body.data() + 1), "use-after-poison");
    EXPECT_DEATH(read(body.data() + body.size() - 1), "use-after-poison");
}

TEST(FrameReaderDeathTest, NobodyReadsWhatWasHandedOutWithoutAShareOnceMoreIsReceived) {
    FrameReader reader;
    arrive(reader, message('D', "0123456789") + "D");
    const std::string_view body = expect_frame(reader).body;
    read(body.data());
    arrive(reader, "\0"s);
    EXPECT_DEATH(read(body.data()), "use-after-poison");
}

TEST(FrameReader, PoisonsNothingOfWhichSomebodyHasAShare) {
    FrameReader reader;
    arrive(reader, message('D', "0123456789"));
    const std::string_view body = expect_frame(reader).body;
    const ChunkRef share = reader.chunk();
    arrive(reader, message('D', std::string(1000, 'x')) + "D");
    expect_frame(reader);
    arrive(reader, std::string(2 * ChunkPool::usual_size, '\0').substr(0, 4));
    EXPECT_EQ(body, "0123456789");
}
#endif

TEST(FrameReader, SaysOfWhichMessageTheEndIsMissing) {
    const auto unfinished = [](std::string_view bytes) {
        FrameReader reader;
        arrive(reader, bytes);
        return reader.unfinished();
    };
    const std::string whole = message('1', "") + message('C', "SELECT 1\0"s);
    EXPECT_EQ(unfinished(""), "");
    EXPECT_EQ(unfinished(whole), "");
    EXPECT_EQ(unfinished(whole + "D"), "a message ('D', 1 byte)");
    EXPECT_EQ(unfinished("D\0\0\0"s), "a message ('D', 4 bytes)");
    EXPECT_EQ(unfinished(message('D', "0123456789").substr(0, 5)), "a message ('D', 5 of 15 bytes)");
    EXPECT_EQ(unfinished(whole + message('D', "0123456789").substr(0, 14)), "a message ('D', 14 of 15 bytes)");
    EXPECT_EQ(unfinished("\xff"), "a message (0xff, 1 byte)");
    EXPECT_EQ(unfinished(whole + "q\0\0\0\7"s), "") << "there is no such message";
    EXPECT_EQ(unfinished(whole + "Z\0\0\0\3"s), "");
}

TEST(FrameReader, CutsTheSameFramesFromSingleBytes) {
    const std::string first = message('T', std::string(300, 't')), second = message('D', "");
    FrameReader reader;
    std::vector<std::string> bodies;
    for (const char byte : first + second) {
        arrive(reader, {&byte, 1});
        Frame frame;
        if (reader.next(frame) == Cut::frame) bodies.emplace_back(frame.body);
    }
    EXPECT_EQ(bodies, (std::vector<std::string>{std::string(300, 't'), ""}));
}

// (F1)
TEST(FrameReader, HandsOutAFrameAcrossTheEndOfAChunkWhole) {
    for (std::size_t before = ChunkPool::usual_size - 2100; before < ChunkPool::usual_size + 10; before += 7) {
        ChunkPool pool(2);
        FrameReader reader(pool);
        const std::string filling(before - frame_header, 'f'), body(1030, 'b');
        arrive(reader, message('d', filling) + message('d', body).substr(0, 3));
        Frame frame = expect_frame(reader);
        EXPECT_EQ(frame.body, filling);
        const ChunkRef kept = reader.chunk();
        expect_more(reader);
        arrive(reader, message('d', body).substr(3));
        EXPECT_EQ(frame.body, filling) << "(F2)";
        frame = expect_frame(reader);
        EXPECT_EQ(frame.body, body);
        expect_inside(reader, frame);
    }
}

// (F1)
TEST(FrameReader, MakesAChunkForAFrameThatIsLargerThanTheUsual) {
    FrameReader reader;
    std::string body(3 * 1024 * 1024 + 11, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * i >> 8);
    arrive(reader, message('1', "") + message('D', body) + message('Z', "T"));
    EXPECT_EQ(expect_frame(reader).type, ServerType::parse_complete);
    const Frame frame = expect_frame(reader);
    EXPECT_TRUE(frame.body == body);
    expect_inside(reader, frame);
    EXPECT_EQ(expect_frame(reader).body, "T");
}

// (F2)
TEST(FrameReader, NeverWritesOverWhatSomebodyHasAShareOf) {
    struct Kept {
        ChunkRef chunk;
        std::string_view body;
        std::string copy;
    };
    ChunkPool pool(2);
    FrameReader reader(pool);
    std::vector<Kept> kept;
    for (std::size_t i = 0; i < 600; ++i) {
        const std::string body(1 + i * 37 % 3000, static_cast<char>('a' + i % 26));
        arrive(reader, message('d', body));
        const Frame frame = expect_frame(reader);
        ASSERT_EQ(frame.body, body);
        if (i % 3 == 0) kept.push_back({reader.chunk(), frame.body, body});
        if (i % 50 == 49) kept.erase(kept.begin(), kept.begin() + 10);
        for (const Kept& one : kept) ASSERT_EQ(one.body, one.copy);
    }
}

// (F2)
TEST(FrameReader, UsesAChunkAgainThatNobodyElseReads) {
    FrameReader reader;
    arrive(reader, message('d', "first"));
    const char* const place = expect_frame(reader).body.data();
    arrive(reader, message('d', "second"));
    EXPECT_EQ(expect_frame(reader).body.data(), place);

    const ChunkRef share = reader.chunk();
    arrive(reader, message('d', "third"));
    EXPECT_EQ(expect_frame(reader).body.data(), place + 6 + frame_header) << "behind what is read elsewhere";
}

// (F3)
TEST(FrameReader, BelievesNoKindThatDoesNotExist) {
    for (int byte = 0; byte < 256; ++byte) {
        if (is_server_type(static_cast<char>(byte))) continue;
        FrameReader reader;
        arrive(reader, message(static_cast<char>(byte), ""));
        Frame frame;
        EXPECT_EQ(reader.next(frame), Cut::violation) << byte;
        EXPECT_STREQ(reader.violation().reason, "a message of a kind that does not exist");
    }
}

// (F3)
TEST(FrameReader, BelievesNoLengthThatCannotBe) {
    const auto judge = [](char type, std::uint32_t length) {
        FrameReader reader;
        arrive(reader, type + int32(length));
        Frame frame;
        return reader.next(frame);
    };
    for (const char type : all_types) {
        const bool has_none = bodiless.find(type) != std::string_view::npos;
        for (const std::uint32_t length : {0U, 1U, 3U, 0x80000000U, 0xffffffffU, 0x40000004U})
            EXPECT_EQ(judge(type, length), Cut::violation) << type << length;
        EXPECT_EQ(judge(type, 4), Cut::frame) << type;
        EXPECT_EQ(judge(type, 5), has_none ? Cut::violation : Cut::more) << type;
        EXPECT_EQ(judge(type, 30004), has_none ? Cut::violation : Cut::more) << type;
        EXPECT_EQ(judge(type, 30005), is_long_type(type) ? Cut::more : Cut::violation) << type;
        EXPECT_EQ(judge(type, 0x40000003), is_long_type(type) ? Cut::more : Cut::violation) << type;
    }
}

// (F3)
TEST(FrameReader, NamesWhatIsWrongWithALength) {
    for (const auto& [length, reason] : {std::pair{3U, "a message whose length is less than that of its header"},
                                         std::pair{0x40000004U, "a message whose length cannot be"}}) {
        FrameReader reader;
        arrive(reader, 'D' + int32(length));
        Frame frame;
        EXPECT_EQ(reader.next(frame), Cut::violation);
        EXPECT_STREQ(reader.violation().reason, reason);
    }
}

// (F3)
TEST(FrameReader, GivesALongFrameItsMemoryAsItsBytesArrive) {
    FrameReader reader;
    arrive(reader, 'D' + int32(0x3fffffff));
    expect_more(reader);
    std::size_t arrived = frame_header;
    const std::string megabyte(1024 * 1024, 'x');
    for (int i = 0; i < 8; ++i) {
        EXPECT_GE(reader.room().size(), 1024U);
        EXPECT_LE(reader.chunk()->size(), std::max(std::size_t{2} * arrived, megabyte.size()) + 1024);
        arrive(reader, megabyte);
        arrived += megabyte.size();
        expect_more(reader);
        EXPECT_EQ(reader.held(), arrived);
    }
}

TEST(FrameReader, SaysForEverThatItWasViolated) {
    FrameReader reader;
    arrive(reader, message('Z', "I") + "?????" + message('Z', "I"));
    EXPECT_EQ(expect_frame(reader).type, ServerType::ready);
    Frame frame;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(reader.next(frame), Cut::violation);
        EXPECT_TRUE(reader.violation());
        reader.rows([](std::string_view) { return ADD_FAILURE() << "a row behind a violation", true; });
        arrive(reader, message('Z', "I"));
    }
}

TEST(FrameReader, HasRoomForWhatArrivesBeforeAnythingIsCut) {
    FrameReader reader;
    std::string all;
    for (int i = 0; i < 30000; ++i) all += message('d', std::to_string(i));
    arrive(reader, all);
    for (int i = 0; i < 30000; ++i) ASSERT_EQ(expect_frame(reader).body, std::to_string(i));
    expect_more(reader);
}

TEST(FrameReader, HasRoomForWhatIsNotCutBehindALongFrame) {
    FrameReader reader;
    const std::string large(2 * 1024 * 1024, 'l');
    arrive(reader, message('d', large));
    EXPECT_EQ(expect_frame(reader).body.size(), large.size());
    std::string many;
    for (int i = 0; i < 400000; ++i) many += message('d', "abcde");
    arrive(reader, many);
    for (int i = 0; i < 400000; ++i) ASSERT_EQ(expect_frame(reader).body, "abcde");
}

TEST(FrameReader, PassesOverRowsThatCameWhole) {
    FrameReader reader;
    const std::string last = message('D', "third");
    arrive(reader, message('D', "first") + message('D', "") + last.substr(0, last.size() - 1));
    std::vector<std::string> rows;
    const auto take = [&](std::string_view body) { return rows.emplace_back(body), true; };
    reader.rows(take);
    EXPECT_EQ(rows, (std::vector<std::string>{"first", ""}));
    EXPECT_EQ(reader.held(), last.size() - 1);
    expect_more(reader);
    arrive(reader, last.substr(last.size() - 1) + message('C', "SELECT 3\0"s) + message('D', "not now"));
    reader.rows(take);
    EXPECT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows.back(), "third");
    EXPECT_EQ(expect_frame(reader).type, ServerType::command_complete);
}

TEST(FrameReader, AwaitsNoMoreThanAHeaderBehindARowThatItAwaited) {
    FrameReader reader;
    const std::string row = message('D', std::string(100, 'd'));
    arrive(reader, row.substr(0, 50));
    expect_more(reader);
    arrive(reader, row.substr(50));
    reader.rows([](std::string_view) { return true; });
    arrive(reader, message('s', ""));
    EXPECT_EQ(expect_frame(reader).type, ServerType::portal_suspended);
}

TEST(FrameReader, StopsBehindTheRowThatItsReaderStopsAt) {
    FrameReader reader;
    arrive(reader, message('D', "a") + message('D', "b") + message('D', "c"));
    int taken = 0;
    reader.rows([&](std::string_view) { return ++taken < 2; });
    EXPECT_EQ(taken, 2);
    EXPECT_EQ(expect_frame(reader).body, "c");
}

TEST(FrameReader, LeavesARowWhoseLengthLiesToBeJudged) {
    for (const std::uint32_t length : {0U, 3U, 0x7fffffffU, 0xffffffffU}) {
        FrameReader reader;
        arrive(reader, 'D' + int32(length) + "0123456789");
        reader.rows([](std::string_view) { return ADD_FAILURE() << "a row of a length that cannot be", true; });
        Frame frame;
        EXPECT_EQ(reader.next(frame), Cut::violation) << length;
    }
}

TEST(FrameReader, RestsWithoutAChunkWhenNothingIsUnread) {
    ChunkPool pool(2);
    FrameReader reader(pool);
    arrive(reader, message('Z', "I") + "Z");
    EXPECT_EQ(expect_frame(reader).body, "I");
    reader.rest();
    EXPECT_TRUE(reader.chunk()) << "a byte is unread";
    arrive(reader, message('Z', "T").substr(1));
    EXPECT_EQ(expect_frame(reader).body, "T");
    reader.rest();
    EXPECT_FALSE(reader.chunk());
    EXPECT_EQ(pool.kept(), 1U);
    arrive(reader, message('Z', "E"));
    EXPECT_EQ(expect_frame(reader).body, "E");
}

}  // namespace
