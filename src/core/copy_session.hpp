// A session in the middle of a COPY. Internal to core.
#pragma once

#include "pg/copy.hpp"
#include "src/core/held_session.hpp"

namespace pg::detail {

class Opening;

class CopySession final : public Occupant {
public:
    using Occupant::Occupant;
    ~CopySession() { end(); }

    /// Asks whoever has a say, before anything is sent. After an error it has ended.
    [[nodiscard]] Expected<void> admit(spi::RequestKind kind, std::string_view sql);
    /// Sends the statement. As above. @{
    [[nodiscard]] Expected<void> begin_in(std::string_view sql);
    [[nodiscard]] Expected<void> begin_out(std::string_view sql);  /// @}
    /// It has ended with that error, which it gives back.
    [[nodiscard]] Error ended_by(Error error);

    /// Into the server. UsageError once the transaction has ended the COPY.
    [[nodiscard]] Expected<void> write(std::string_view bytes);
    [[nodiscard]] Expected<std::uint64_t> finish();
    [[nodiscard]] Expected<void> fail(std::string_view reason);
    [[nodiscard]] std::size_t columns() const noexcept { return in_ ? in_->columns() : 0; }
    /// Out of it. As above.
    [[nodiscard]] Expected<std::optional<std::string_view>> read();
    [[nodiscard]] bool has_ended() const noexcept { return !in_ && !out_; }

private:
    void note_end_of_settings(std::string_view sql);
    [[nodiscard]] Error no_copy(Error error, std::string_view sql);
    void give_up() noexcept override {
        in_.reset();
        out_.reset();
    }

    std::unique_ptr<spi::CopyIn> in_;  // one of the two, from the beginning of the COPY to its end
    std::unique_ptr<spi::CopyOut> out_;
};

/// `options` are those of the statement; null: the executor's. `site` is where the COPY was asked for.
[[nodiscard]] Expected<CopySessionPtr> borrow_for_copy(Executor& executor, const QueryOptions* options,
                                                       const CallSite& site, Opening& opening);

}  // namespace pg::detail
