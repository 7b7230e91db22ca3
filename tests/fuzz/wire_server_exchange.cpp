// A server's bytes through FrameReader, Machine and the readers of bodies.
#include "tests/fuzz/wire_server_exchange.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "src/wire/answer.hpp"
#include "src/wire/machine.hpp"
#include "tests/fuzz/wire_rewriting.hpp"

namespace pg::wire {
namespace {

constexpr unsigned char highest_bit = 0x80;
// What the machine is told beside a `Sent`. @{
constexpr unsigned char bind_and_execute = 0x40;
constexpr unsigned char bind_execute_and_sync = 0x41;
constexpr unsigned char lost_syncs = 0x42;  /// @}

unsigned char take_byte(std::string_view& bytes) {
    if (bytes.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    return byte;
}

/// The sizes of the pieces that bytes arrive in, made from one byte: zero makes one piece of all.
class Pieces {
public:
    explicit Pieces(unsigned char seed) : state_(seed) {}
    std::size_t next() {
        if (state_ == 0) return ~std::size_t{0};
        state_ = state_ * 1103515245 + 12345;
        return 1 + (state_ >> 16) % ((state_ & 1) != 0 ? 5 : 300);
    }

private:
    std::uint32_t state_;
};

class Exchange {
public:
    explicit Exchange(std::string_view input) : server_says_(input) {
        const unsigned char first = take_byte(server_says_);
        pieces_ = Pieces(first % highest_bit);
        at_end_of_chunk_ = first >= highest_bit;
        sent_ = server_says_.substr(0, take_byte(server_says_));
        server_says_.remove_prefix(std::min(sent_.size(), server_says_.size()));
    }

    std::string run() {
        if (at_end_of_chunk_) fill_chunk();
        for (std::string_view left = server_says_; !left.empty();) {
            const std::span<char> room = reader_.room();
            if (room.size() < 1024) return "there is no room to receive";
            const std::size_t count = std::min({left.size(), room.size(), pieces_.next()});
            left.copy(room.data(), count);
            left.remove_prefix(count);
            arrived_ += count;
            reader_.received(count);
            if (std::string wrong = take_frames(); !wrong.empty()) return wrong;
        }
        for (const Kept& kept : kept_)
            if (kept.body != kept.copy) return "a frame was written over while its chunk was shared";
        return {};
    }

private:
    struct Kept {
        ChunkRef chunk;
        std::string_view body;
        std::string copy;
    };

    /// Lets a frame pass that leaves little more room than a frame's header needs.
    void fill_chunk() {
        SendBuffer out;
        put_copy_data_header(out, ChunkPool::usual_size - frame_header - 1024 - 3);
        const std::span<char> room = reader_.room();
        std::fill(room.begin(), room.end(), '\0');
        out.unsent().copy(room.data(), frame_header);
        reader_.received(room.size() - 1024 - 3);
        Frame frame;
        static_cast<void>(reader_.next(frame));
        filled_ = reader_.chunk();
    }

    std::string take_frames() {
        Frame frame;
        for (;;) {
            if (take_answer(true) || take_answer(false)) continue;
            switch (reader_.next(frame)) {
                case FrameReader::Cut::more: return taken_ + reader_.held() == arrived_ ? "" : "bytes were lost";
                case FrameReader::Cut::violation: return after_violation();
                case FrameReader::Cut::frame: break;
            }
            if (std::string wrong = take(frame); !wrong.empty()) return wrong;
        }
    }

    std::string take(const Frame& frame) {
        const std::less_equal<> before;
        const Chunk& chunk = *reader_.chunk().operator->();
        if (!before(chunk.data(), frame.body.data()) ||
            !before(frame.body.data() + frame.body.size(), chunk.data() + chunk.size()))
            return "a frame lies outside its chunk";
        const std::size_t whole = frame_header + frame.body.size();
        const std::string_view bytes = server_says_.substr(taken_, whole);
        taken_ += whole;
        if (bytes.size() != whole || bytes.front() != static_cast<char>(frame.type) ||
            bytes.substr(frame_header) != frame.body)
            return "a frame has not the bytes that the server said";
        if (const auto again = written_again(frame); again && *again != bytes)
            return "a message of kind " + std::string(bytes.substr(0, 1)) + " is written as another than it was read";
        if (kept_.size() < 16) kept_.push_back({reader_.chunk(), frame.body, std::string(frame.body)});
        tell_sent();
        return judge(frame);
    }

    /// Tells the machine what is sent before the next message comes.
    void tell_sent() {
        while (!sent_.empty()) {
            const unsigned char what = take_byte(sent_);
            tell(what % highest_bit);
            if (what >= highest_bit) return;
        }
    }
    void tell(unsigned char what) {
        switch (what) {
            case bind_and_execute: return machine_.sent_execution(false);
            case bind_execute_and_sync: return machine_.sent_execution(true);
            case lost_syncs: return machine_.find_lost_syncs();
            default: return machine_.sent(static_cast<Sent>(what % 8));
        }
    }

    /// Takes a whole answer in one step, where one comes next.
    bool take_answer(bool with_sync) {
        Answer answer;
        if (!machine_.awaits_execution(with_sync)) return false;
        const std::size_t size = find_answer(reader_.unread(), with_sync, answer);
        if (size == 0) return false;
        reader_.pass(size);
        taken_ += size;
        with_sync ? machine_.answered_execution(answer.state) : machine_.answered_execution();
        tell_sent();
        return true;
    }

    std::string judge(const Frame& frame) {
        const bool was_violated = static_cast<bool>(machine_.violation()), was_idle = machine_.idle(),
                   was_in_rows = machine_.in_rows();
        const TransactionState before = machine_.transaction();
        const Event event = machine_.accept(frame);
        if ((event == Event::violation) != static_cast<bool>(machine_.violation()))
            return "a violation without a reason";
        if (was_violated && event != Event::violation) return "a violation was forgotten";
        if (event != Event::ready && machine_.transaction() != before) return "the transaction changed without (M5)";
        if (event == Event::ready && static_cast<char>(machine_.transaction()) != frame.body.front())
            return "the transaction is not what ReadyForQuery says";
        const bool is_aside = event >= Event::notice && event <= Event::parameter;
        if (is_aside && (machine_.idle() != was_idle || machine_.in_rows() != was_in_rows)) return "(M4) does not hold";
        if (event == Event::row && !was_in_rows) return "a row came where none may";
        if (was_idle && !is_aside && event != Event::failed && event != Event::violation)
            return "(M1) does not hold: nothing was asked";
        if (machine_.copying_in() + machine_.copying_out() + machine_.in_rows() > 1) return "two things go on at once";
        return {};
    }

    std::string after_violation() {
        if (!reader_.violation()) return "a violation without a reason";
        int rows = 0;
        reader_.rows([&](std::string_view) { return ++rows, true; });
        return rows == 0 ? "" : "a row was read after a violation";
    }

    std::string_view server_says_, sent_;
    Pieces pieces_{0};
    bool at_end_of_chunk_ = false;
    ChunkPool pool_{4};
    ChunkRef filled_;
    FrameReader reader_{pool_};
    Machine machine_;
    std::vector<Kept> kept_;
    std::size_t arrived_ = 0, taken_ = 0;
};

}  // namespace

std::string server_exchange_goes_wrong(std::string_view input) { return Exchange(input).run(); }

}  // namespace pg::wire
