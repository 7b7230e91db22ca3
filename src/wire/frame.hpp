// Frames: the messages of a server, cut out of the bytes as they arrive.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "src/base/poison.hpp"
#include "src/wire/bytes.hpp"
#include "src/wire/chunk.hpp"

namespace pg::wire {

/// The kinds of message that a server sends, by their byte.
/// https://www.postgresql.org/docs/current/protocol-message-formats.html
enum class ServerType : char {
    authentication = 'R',
    backend_key = 'K',
    bind_complete = '2',
    close_complete = '3',
    command_complete = 'C',
    copy_both = 'W',
    copy_data = 'd',
    copy_done = 'c',
    copy_in = 'G',
    copy_out = 'H',
    data_row = 'D',
    empty_query = 'I',
    error = 'E',
    function_result = 'V',
    negotiate_version = 'v',
    no_data = 'n',
    notice = 'N',
    notification = 'A',
    parameter_description = 't',
    parameter_status = 'S',
    parse_complete = '1',
    portal_suspended = 's',
    ready = 'Z',
    row_description = 'T',
};

/// A message: its kind, and its body, a view of the chunk that it lies in.
struct Frame {
    ServerType type{};
    std::string_view body;
};

/// The five bytes before a body: its kind, and a length that counts itself.
inline constexpr std::size_t frame_header = 5;
/// What a server can send at most: it palloc()s messages, which may have 1 GiB less one.
inline constexpr std::size_t most_in_frame = 0x3fffffff;

/// Why a server's bytes make no sense, and of which message.
struct [[nodiscard]] Violation {
    const char* reason = nullptr;  ///< null: they do make sense. Lives as long as the program.
    ServerType type{};             ///< its byte, whether there is such a kind or not
    std::int64_t length = -1;      ///< as its header has it; -1: it was cut, so that is not what is wrong
    explicit operator bool() const noexcept { return reason != nullptr; }
};
/// "a message of a kind that does not exist ('q', 4 bytes)"; a byte that cannot be printed by its number, 0xff.
[[nodiscard]] PGCLIENT_API std::string to_string(const Violation& violation);

/// What a body of each kind has less bytes than; zero where there are no messages of that kind. A kind that has no body
/// may not have one, and one that only the server's memory bounds may have what that allows: ParameterDescription is
/// bounded by 65535 parameters, ParameterStatus by what a setting may hold. Any other of more than 30,000 bytes is a
/// sign that the two sides have lost each other, as libpq judges it too.
inline constexpr auto body_limits = [] {
    std::array<std::uint32_t, 256> limits{};
    const auto set = [&](std::string_view types, std::uint32_t most) {
        for (const char type : types) limits[static_cast<unsigned char>(type)] = most + 1;
    };
    set("123Icns", 0);
    set("GHKRWZv", 30000);
    set("ACDENSTVdt", most_in_frame);
    return limits;
}();

/// Cuts frames out of received bytes, which stay where they were received. One thread at a time.
///
/// (F1) A frame is handed out whole, in one chunk: one that does not fit into what is left of a chunk begins the next
///      one, which is made large enough for it.
/// (F2) Bytes that were handed out are never written over while anybody has a share of their chunk.
/// (F3) A header is believed once its kind and its length are plausible, and even then a long frame gets its memory as
///      its bytes arrive.
/// (F4) What nobody may read is poisoned for AddressSanitizer: the room behind what has arrived and, once more is to be
///      received, the frames that were handed out of a chunk of which nobody else has a share.
class PGCLIENT_API FrameReader {
public:
    explicit FrameReader(ChunkPool& pool = process_chunks()) noexcept : pool_(&pool) {}
    FrameReader(const FrameReader&) = delete;
    FrameReader& operator=(const FrameReader&) = delete;

    enum class Cut : std::uint8_t { frame, more, violation };

    /// The next frame. `more` when it has not arrived; after a violation, which `violation` names, for ever that.
    [[nodiscard]] Cut next(Frame& frame) noexcept {
        if (held() < frame_header) return Cut::more;
        const std::uint32_t size = body_size();
        if (size >= body_limits[static_cast<unsigned char>(*at_)]) [[unlikely]]
            return violate();
        if (held() - frame_header < size) return Cut::more;
        frame = {static_cast<ServerType>(*at_), {at_ + frame_header, size}};
        at_ += frame_header + size;
        return Cut::frame;
    }
    /// Passes over frames of rows as long as they come whole, one call of `row(body)` each, until it returns false.
    template <class Row>
    void rows(Row row) {
        while (held() >= frame_header && *at_ == static_cast<char>(ServerType::data_row)) {
            const std::uint32_t size = body_size();
            if (size > held() - frame_header) return;  // one that cannot be is no less
            const std::string_view body(at_ + frame_header, size);
            at_ += frame_header + size;
            if (!row(body)) return;
        }
    }

    /// All bytes that have arrived and belong to no frame that was handed out; `pass` hands out the first of them,
    /// which are frames that `next` would have handed out. @{
    [[nodiscard]] std::string_view unread() const noexcept { return {at_, held()}; }
    void pass(std::size_t count) noexcept { at_ += count; }  /// @}

    /// Where to receive, at least a kilobyte; may throw std::bad_alloc. Then `received` says how much came, if only
    /// that nothing did. @{
    [[nodiscard]] std::span<char> room();
    void received(std::size_t count) noexcept {
        end_ += count;
        if (skipped_ != 0) [[unlikely]]
            skip_more();
        PGCLIENT_POISON(end_, static_cast<std::size_t>(limit_ - end_));
    }  /// @}

    /// The chunk that the last frame lies in.
    [[nodiscard]] const ChunkRef& chunk() const noexcept { return chunk_; }
    [[nodiscard]] Violation violation() const noexcept;
    /// The message whose end has not arrived, behind the whole ones: "a message ('D', 7 of 21 bytes)", or "('D', 3
    /// bytes)" where not even its length has. Empty: there is none, or none that could be.
    [[nodiscard]] std::string unfinished() const;
    /// When `next` said `more`: bytes of the row, of a result or a COPY, whose header has arrived; 0: none has.
    [[nodiscard]] std::size_t coming_row() const noexcept {
        if (held() < frame_header) return 0;
        const auto type = static_cast<ServerType>(*at_);
        return type == ServerType::data_row || type == ServerType::copy_data ? body_size() : 0;
    }
    /// Passes over that row as it arrives.
    void skip_row() noexcept {
        skipped_ = frame_header + body_size() - held();
        at_ = end_;
    }
    /// Bytes that have arrived and belong to no frame that was handed out.
    [[nodiscard]] std::size_t held() const noexcept { return static_cast<std::size_t>(end_ - at_); }
    /// Gives its chunk back if there is nothing unread in it: an idle connection holds none.
    void rest() noexcept {
        if (at_ != end_) return;
        chunk_ = ChunkRef();
        at_ = end_ = limit_ = nullptr;
    }

private:
    /// As the next frame's header, which has arrived, has it.
    [[nodiscard]] std::uint32_t body_size() const noexcept { return load<std::uint32_t>(at_ + 1) - 4; }
    [[nodiscard]] Cut violate() noexcept;
    void skip_more() noexcept;

    static constexpr std::size_t least_room = 1024;
    ChunkPool* pool_;
    ChunkRef chunk_;
    char* at_ = nullptr;  ///< the first byte that was not handed out
    char* end_ = nullptr;
    char* limit_ = nullptr;
    std::size_t skipped_ = 0;          ///< bytes that are still to come of a row that is passed over
    const char* violation_ = nullptr;  ///< of the frame that begins at `at_`
};

}  // namespace pg::wire
