// Whole answers: found only where the messages, one by one, say the same.
#include "src/wire/answer.hpp"

#include <random>
#include <vector>

#include "src/wire/machine.hpp"
#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;
using namespace wire_check;

namespace {

const std::string bound = message('2', ""), row = message('D', int16(1) + int32(2) + "ab"),
                  selected = message('C', std::string("SELECT 1") + '\0'), ready = message('Z', "T");

Answer found(const std::string& held, bool with_ready = true) {
    Answer answer;
    EXPECT_EQ(find_answer(held, with_ready, answer), held.size());
    return answer;
}
bool is_found(const std::string& held, bool with_ready = true) {
    Answer answer;
    return find_answer(held, with_ready, answer) != 0;
}

/// What one look at each message makes of the same bytes: what `find_answer` is to find; nothing if it is not to.
struct Heard {
    std::size_t size = 0;
    int rows = 0;
    std::string row, tag;
    TransactionState state{};
};
std::optional<Heard> hear(const std::string& bytes, bool with_ready) {
    Machine machine;
    machine.sent_execution(with_ready);
    FrameReader reader;
    const std::span<char> room = reader.room();
    std::copy(bytes.begin(), bytes.end(), room.begin());
    reader.received(bytes.size());
    Heard heard;
    for (Frame frame; !machine.idle();) {
        if (reader.next(frame) != FrameReader::Cut::frame) return std::nullopt;
        switch (machine.accept(frame)) {
            case Event::progress: break;
            case Event::row:
                if (++heard.rows > 1) return std::nullopt;
                heard.row = frame.body;
                break;
            case Event::complete: {
                const auto tag = read_tag(frame.body);
                if (!tag) return std::nullopt;
                heard.tag = *tag;
                break;
            }
            case Event::ready: break;
            default: return std::nullopt;
        }
    }
    heard.size = bytes.size() - reader.held();
    heard.state = machine.transaction();
    return heard;
}

/// Both ways of looking at these bytes agree.
void expect_agreement(const std::string& bytes, bool with_ready) {
    Answer answer;
    const std::size_t size = find_answer(bytes, with_ready, answer);
    const std::optional<Heard> heard = hear(bytes, with_ready);
    ASSERT_EQ(size, heard ? heard->size : 0) << ::testing::PrintToString(bytes);
    if (size == 0) return;
    EXPECT_EQ(answer.has_row(), heard->rows == 1);
    EXPECT_EQ(answer.row, heard->row);
    EXPECT_EQ(answer.tag, heard->tag);
    if (with_ready) {
        EXPECT_EQ(answer.state, heard->state);
    }
}

}  // namespace

TEST(Answer, HasARowATagAndTheStateBehindIt) {
    const std::string held = bound + row + selected + ready;
    const Answer answer = found(held);
    EXPECT_EQ(answer.row, int16(1) + int32(2) + "ab");
    EXPECT_EQ(answer.tag, "SELECT 1");
    EXPECT_EQ(answer.state, TransactionState::open);
    EXPECT_EQ(found(bound + row + selected, false).row, answer.row);
}

TEST(Answer, MayHaveNoRow) {
    const std::string held = bound + message('C', std::string("INSERT 0 1") + '\0') + ready;
    const Answer answer = found(held);
    EXPECT_FALSE(answer.has_row());
    EXPECT_EQ(answer.tag, "INSERT 0 1");
}

TEST(Answer, LeavesWhatIsBehindIt) {
    Answer answer;
    const std::string held = bound + row + selected + ready;
    EXPECT_EQ(find_answer(held + held, true, answer), held.size());
    EXPECT_EQ(find_answer(held, false, answer), held.size() - ready.size());
}

TEST(Answer, IsNotThereBeforeItHasArrivedWhole) {
    const std::string held = bound + row + selected + ready;
    for (std::size_t size = 0; size < held.size(); ++size) EXPECT_FALSE(is_found(held.substr(0, size))) << size;
}

TEST(Answer, IsNotOneWithOtherMessagesInIt) {
    const std::string notice = message('N', std::string(1, '\0'));
    EXPECT_FALSE(is_found(notice + bound + row + selected + ready));
    EXPECT_FALSE(is_found(bound + notice + row + selected + ready));
    EXPECT_FALSE(is_found(bound + row + notice + selected + ready));
    EXPECT_FALSE(is_found(bound + row + selected + notice + ready));
    EXPECT_FALSE(is_found(bound + row + row + selected + ready));
    EXPECT_FALSE(is_found(message('1', "") + bound + row + selected + ready));
    EXPECT_FALSE(is_found(bound + message('E', std::string(1, '\0')) + ready));
    EXPECT_FALSE(is_found(bound + row + message('s', "") + ready));
}

TEST(Answer, IsNotOneThatMakesNoSense) {
    EXPECT_FALSE(is_found(bound + row + selected + message('Z', "X")));
    EXPECT_FALSE(is_found(bound + row + selected + message('Z', "II")));
    EXPECT_FALSE(is_found(bound + row + message('C', "SELECT 1") + ready)) << "a tag ends in a zero byte";
    EXPECT_FALSE(is_found(bound + row + message('C', std::string("a\0b\0", 4)) + ready));
    EXPECT_FALSE(is_found(bound + row + message('C', "") + ready));
    EXPECT_FALSE(is_found(message('2', "x") + row + selected + ready));
    for (const std::uint32_t length : {0U, 3U, 0x7fffffffU, 0xffffffffU}) {
        EXPECT_FALSE(is_found(bound + 'D' + int32(length) + row + selected + ready)) << length;
        EXPECT_FALSE(is_found(bound + 'C' + int32(length) + selected + ready)) << length;
    }
}

TEST(Answer, IsWhatItsMessagesSayOneByOne) {
    std::mt19937 random(1);
    const std::vector<std::string> parts{bound,
                                         row,
                                         message('D', ""),
                                         selected,
                                         message('C', std::string("UPDATE 12") + '\0'),
                                         message('C', "no end"),
                                         ready,
                                         message('Z', "I"),
                                         message('Z', "?"),
                                         message('N', std::string(1, '\0')),
                                         message('E', std::string(1, '\0')),
                                         message('I', ""),
                                         "2",
                                         std::string(3, '\0')};
    const auto any_of = [&](std::size_t count) { return static_cast<std::size_t>(random() % count); };
    for (int i = 0; i < 20000; ++i) {
        std::string bytes = bound;
        if (any_of(4) == 0) bytes.clear();
        for (std::size_t left = any_of(5); left != 0; --left) bytes += parts[any_of(parts.size())];
        if (any_of(2) == 0) bytes = bound + (any_of(2) ? row : "") + parts[3 + any_of(3)] + parts[6 + any_of(4)];
        if (any_of(8) == 0 && !bytes.empty()) bytes[any_of(bytes.size())] = static_cast<char>(random());
        if (any_of(4) == 0) bytes.resize(any_of(bytes.size() + 1));
        expect_agreement(bytes, any_of(2) == 0);
    }
}
