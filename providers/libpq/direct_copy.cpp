// COPY: bytes to and from the server, with back-pressure both ways. Its statement goes by the simple protocol, where
// one ReadyForQuery ends it however it ends.
#include "providers/libpq/direct_copy.hpp"

#include "pg/sqlstate.hpp"
#include "providers/libpq/copy_reason.hpp"
#include "providers/libpq/direct_statement.hpp"

namespace pg::libpq::direct {
namespace {

/// The largest message that is sent: a longer write is several.
constexpr std::size_t most_per_message = 256 * 1024;
/// A message of less is gathered with others before it is sent. The one that makes them enough is not copied either.
constexpr std::size_t least_in_place = 16 * 1024;
/// How many bytes may wait to be sent before a write waits for the server to take them.
constexpr std::size_t most_unsent = 64 * 1024;

/// Runs `sql` up to the answer that begins a COPY in the wanted direction, and gives its format.
Expected<wire::CopyFormat> begin_copy(DirectLink& link, std::string_view sql, wire::Event wanted, std::string_view name,
                                      const spi::Wait& wait) {
    if (auto error = link.begin(sql, wait)) return *std::move(error);
    if (auto error = refusal(link, sql)) return *std::move(error);
    wire::put_query(link.out(), sql);
    link.sent(wire::Sent::query);
    std::optional<Error> failure;
    for (wire::Frame frame;;) {
        const auto event = link.next(frame, wait);
        if (!event) return link.ending_behind(failure ? &*failure : nullptr);
        switch (*event) {
            case wire::Event::copy_in:
            case wire::Event::copy_out: {
                if (*event != wanted)
                    return abandon(link, {.message = std::string("this statement is no ").append(name)}, wait);
                const auto format = wire::read_copy_format(frame.body);
                if (!format) return link.violated("a malformed answer to COPY");
                return *format;
            }
            case wire::Event::complete:
                if (!wire::read_tag(frame.body)) return link.violated("a malformed command tag");
                link.note_tag();
                break;
            case wire::Event::failed:
                failure = link.failed(frame.body);
                if (!link.connected()) return *std::move(failure);
                break;
            case wire::Event::ready: {
                link.rest();
                if (failure) return *std::move(failure);
                ErrorFields fields{.kind = ErrorKind::usage, .outcome = Outcome::applied};
                fields.message.append("this statement is no ").append(name);
                fields.message += "; it was run, and its result is thrown away";
                return link.error(std::move(fields));
            }
            default: break;
        }
    }
}

/// (C1) While it lives and is not over, the link is in the COPY and nobody else may use it.
class DirectCopyIn final : public spi::CopyIn {
public:
    DirectCopyIn(DirectLink& link, std::size_t columns) : link_(link), columns_(columns) {
        link_.keep_sql();
        link_.occupy(true);
    }
    DirectCopyIn(const DirectCopyIn&) = delete;
    DirectCopyIn& operator=(const DirectCopyIn&) = delete;
    ~DirectCopyIn() override {
        if (!over_) static_cast<void>(link_.recover(Deadline::after(cancel_budget)));
    }

private:
    Expected<void> do_write(std::string_view bytes, const spi::Wait& wait) noexcept override {
        if (over_) return link_.copy_is_over();
        if (auto error = link_.left_behind()) return *std::move(error);
        while (!bytes.empty()) {
            const std::string_view piece = bytes.substr(0, most_per_message);
            bytes.remove_prefix(piece.size());
            wire::SendBuffer& out = link_.out();
            wire::put_copy_data_header(out, piece.size());
            if (piece.size() < least_in_place && out.unsent().size() + piece.size() < most_unsent) {
                out.put_bytes(piece);
                continue;
            }
            link_.send_in_place(piece);
            if (auto error = drain_out(wait)) return leave(), *std::move(error);
        }
        return {};
    }

    Expected<std::uint64_t> do_finish(const spi::Wait& wait) noexcept override {
        if (over_) return link_.copy_is_over();
        if (auto error = link_.left_behind()) return *std::move(error);
        if (auto error = check_time(wait)) return leave(), *std::move(error);
        wire::put_empty(link_.out(), wire::ClientType::copy_done);
        return end(wait);
    }

    Expected<void> do_fail(std::string_view reason, const spi::Wait& wait) noexcept override {
        if (over_) return link_.copy_is_over();
        if (auto error = link_.left_behind()) return *std::move(error);
        wire::put_copy_fail(link_.out(), copy_reason(reason));
        const Expected<std::uint64_t> ended = end(wait);
        if (ended || ended.error().sqlstate() == sqlstate::query_canceled) return {};
        return ended.error();
    }

    std::size_t do_columns() const noexcept override { return columns_; }

    /// A server that takes everything at once is not waited for: its client's time ends all the same.
    std::optional<Error> check_time(const spi::Wait& wait) {
        const Woken woken = look(wait);
        if (woken == Woken::ready) return std::nullopt;
        return link_.give_up(woken, wait);
    }

    /// Waits until the socket has taken everything. A server that has reported an error is heard at once.
    std::optional<Error> drain_out(const spi::Wait& wait) {
        if (auto error = check_time(wait)) return error;
        link_.flush();
        if (!link_.receive()) return link_.ending();
        for (wire::Frame frame;;) {
            if (const auto event = link_.poll(frame)) {
                if (*event != wire::Event::failed) return link_.violated("an answer in the middle of a COPY");
                return fail_behind(link_.failed(frame.body), wait);
            }
            if (link_.ended()) return link_.ending();
            if (!link_.has_unsent()) return std::nullopt;
            if (!link_.wait_ready(wait)) return link_.ending();
        }
    }

    /// The error of a COPY that has failed while it was written, behind what the server still says of it: a farewell
    /// tells more. What is still to be sent goes: outside a COPY the server passes over it.
    Error fail_behind(Error error, const spi::Wait& wait) {
        for (wire::Frame frame; link_.connected();) {
            if (link_.machine().idle() && !link_.has_unsent()) return error;
            if (const auto event = link_.poll(frame)) {
                if (*event != wire::Event::failed) continue;
                if (Error farewell = link_.failed(frame.body); !link_.connected()) return farewell;
            } else if (link_.ended() || !link_.wait_ready(wait)) {
                static_cast<void>(link_.ending());
                return link_.connected() ? error : as_of_closed(error);
            }
        }
        return error;
    }

    /// Takes the server's answer to the end of the COPY: the number of rows.
    Expected<std::uint64_t> end(const spi::Wait& wait) {
        Expected<std::uint64_t> rows = take_answer(wait);
        leave();
        return rows;
    }

    Expected<std::uint64_t> take_answer(const spi::Wait& wait) {
        std::optional<Expected<std::uint64_t>> answer;
        for (wire::Frame frame;;) {
            const auto event = link_.next(frame, wait);
            if (!event) return link_.ending_behind(answer && !*answer ? &answer->error() : nullptr);
            switch (*event) {
                case wire::Event::complete: {
                    const auto tag = wire::read_tag(frame.body);
                    if (!tag) return link_.violated("a malformed command tag");
                    if (!answer) answer.emplace(wire::rows_of_tag(*tag));
                    link_.note_tag();
                    break;
                }
                case wire::Event::failed:
                    answer.emplace(link_.failed(frame.body));
                    if (!link_.connected()) return *std::move(answer);
                    break;
                case wire::Event::ready:
                    if (!answer) return link_.violated("ready, without an answer");
                    // Outside a COPY the server passes over what is still to be sent of one that it has ended.
                    while (link_.has_unsent() && link_.wait_ready(wait)) continue;
                    if (link_.ended()) return link_.ending_behind(*answer ? nullptr : &answer->error());
                    return *std::move(answer);
                default: break;
            }
        }
    }

    void leave() {
        over_ = true;
        link_.occupy(false);
        link_.rest();
    }

    DirectLink& link_;
    std::size_t columns_;
    bool over_ = false;
};

/// (C1) holds here too.
class DirectCopyOut final : public spi::CopyOut {
public:
    explicit DirectCopyOut(DirectLink& link) : link_(link) {
        link_.keep_sql();
        link_.occupy(true);
    }
    DirectCopyOut(const DirectCopyOut&) = delete;
    DirectCopyOut& operator=(const DirectCopyOut&) = delete;
    ~DirectCopyOut() override {
        if (!over_) static_cast<void>(link_.recover(Deadline::after(cancel_budget)));
    }

private:
    Expected<std::optional<std::string_view>> do_read(const spi::Wait& wait) noexcept override {
        if (auto error = link_.left_behind()) return *std::move(error);
        std::optional<Error> failure;
        for (wire::Frame frame; !over_;) {
            const auto event = link_.next(frame, wait);
            if (!event) {
                Error error = link_.ending_behind(failure ? &*failure : nullptr);
                return leave(), std::move(error);
            }
            switch (*event) {
                case wire::Event::copy_data:
                    if (frame.body.empty()) break;  // says nothing, least of all that there is more time
                    return std::optional(frame.body);
                case wire::Event::complete:
                    if (!wire::read_tag(frame.body)) {
                        Error error = link_.violated("a malformed command tag");
                        return leave(), std::move(error);
                    }
                    link_.note_tag();
                    break;
                case wire::Event::failed:
                    failure = link_.failed(frame.body);
                    if (!link_.connected()) return leave(), *std::move(failure);
                    break;
                case wire::Event::ready:
                    leave();
                    if (failure) return *std::move(failure);
                    break;
                default: break;
            }
        }
        return std::optional<std::string_view>();
    }

    void leave() {
        over_ = true;
        link_.occupy(false);
        link_.rest();
    }

    DirectLink& link_;
    bool over_ = false;
};

}  // namespace

Expected<std::unique_ptr<spi::CopyIn>> open_copy_in(DirectLink& link, std::string_view sql, const spi::Wait& wait) {
    const Expected<wire::CopyFormat> format = begin_copy(link, sql, wire::Event::copy_in, "COPY … FROM STDIN", wait);
    if (!format) return format.error();
    return std::unique_ptr<spi::CopyIn>(std::make_unique<DirectCopyIn>(link, format->columns));
}

Expected<std::unique_ptr<spi::CopyOut>> open_copy_out(DirectLink& link, std::string_view sql, const spi::Wait& wait) {
    const Expected<wire::CopyFormat> format = begin_copy(link, sql, wire::Event::copy_out, "COPY … TO STDOUT", wait);
    if (!format) return format.error();
    return std::unique_ptr<spi::CopyOut>(std::make_unique<DirectCopyOut>(link));
}

}  // namespace pg::libpq::direct
