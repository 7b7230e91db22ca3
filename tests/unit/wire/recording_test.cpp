// What real servers of every major said to the script: our reader understands all of it, and our writer says the same.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "src/wire/client_messages.hpp"
#include "tests/fuzz/wire_rewriting.hpp"
#include "tests/unit/wire/recordings/script.hpp"
#include "tests/unit/wire/wire_bytes.hpp"

using namespace pg::wire;

namespace {

constexpr int first_major = 12, last_major = 18;

std::string recording(int major) {
    const std::string name = PGCLIENT_WIRE_RECORDINGS "/pg" + std::to_string(major) + ".bin";
    std::ifstream file(name, std::ios::binary);
    EXPECT_TRUE(file) << name;
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A client that follows the script while it hears what the server said.
class Replay {
public:
    /// False when the machine takes the frame for a violation, or no step is left that it could answer.
    bool hear(const Frame& frame) {
        if (step_ == script_.size()) return false;
        // What comes before the first ReadyForQuery is not the machine's.
        if (step_ != 0 && machine_.accept(frame) == Event::violation) return false;
        if (frame.type == script_[step_].until && ++seen_ == script_[step_].count) {
            seen_ = 0;
            if (++step_ < script_.size())
                for (const Sent sent : script_[step_].sent) machine_.sent(sent);
        }
        return true;
    }

    [[nodiscard]] bool is_over() const { return step_ == script_.size(); }
    [[nodiscard]] std::size_t step() const { return step_; }
    [[nodiscard]] const Machine& machine() const { return machine_; }

private:
    const std::vector<wire_recordings::Step> script_ = wire_recordings::script();
    std::size_t step_ = 0;
    int seen_ = 0;
    Machine machine_;
};

class Recording : public ::testing::TestWithParam<int> {};

TEST_P(Recording, IsTakenByFrameReaderAndMachineAtEveryCut) {
    const std::string all = recording(GetParam());
    for (const std::size_t cut : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{100}, all.size()}) {
        FrameReader reader;
        Replay replay;
        std::string again;
        for (std::size_t at = 0; at < all.size(); at += cut) {
            const std::size_t count = std::min(cut, all.size() - at);
            all.copy(reader.room().data(), count, at);
            reader.received(count);
            for (Frame frame; reader.next(frame) == FrameReader::Cut::frame;) {
                ASSERT_TRUE(replay.hear(frame)) << "step " << replay.step() << ", " << static_cast<char>(frame.type)
                                                << ": " << replay.machine().violation().reason;
                again += wire_check::message(static_cast<char>(frame.type), frame.body);
            }
            ASSERT_FALSE(reader.violation());
        }
        EXPECT_EQ(reader.held(), 0U);
        EXPECT_TRUE(replay.is_over());
        EXPECT_EQ(again, all);
    }
}

TEST_P(Recording, IsReadAndWrittenAsTheSameBytes) {
    const std::string all = recording(GetParam());
    FrameReader reader;
    all.copy(reader.room().data(), all.size());
    reader.received(all.size());
    std::set<char> types;
    for (Frame frame; reader.next(frame) == FrameReader::Cut::frame;) {
        const char type = static_cast<char>(frame.type);
        EXPECT_EQ(written_again(frame), wire_check::message(type, frame.body)) << type;
        types.insert(type);
    }
    // All kinds but those of replication and of the function call.
    EXPECT_EQ(std::string(types.begin(), types.end()), "123ACDEGHIKNRSTZcdnstv");
}

INSTANTIATE_TEST_SUITE_P(PostgreSQL, Recording, ::testing::Range(first_major, last_major + 1));

TEST(Script, IsReadAndWrittenAsTheSameBytes) {
    bool is_startup = true;
    for (const wire_recordings::Step& step : wire_recordings::script()) {
        std::string again;
        std::string_view bytes = step.bytes;
        while (const auto frame = cut_client_frame(bytes, is_startup)) {
            again += written_again(*frame).value_or("refused");
            is_startup = false;
        }
        EXPECT_EQ(bytes, "");
        EXPECT_EQ(again, step.bytes);
    }
}

}  // namespace
