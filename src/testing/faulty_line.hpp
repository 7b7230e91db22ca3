// FaultyLine: one direction of a proxied connection, without a socket or a clock.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "pg/testing/fault_proxy.hpp"

namespace pg::testing {

/// Holds what was taken in and says what may go on, and when. One thread at a time.
///
/// (L1) What goes on is what came in, in its order, but for the byte to corrupt and for all that is swallowed.
/// (L2) It never holds more than `most_held` bytes.
class FaultyLine final {
public:
    using Time = Deadline::Clock::time_point;
    static constexpr std::size_t most_held = 256 * 1024;

    explicit FaultyLine(const Faults& faults) { set(faults); }

    void set(const Faults& faults);
    /// From now on nothing goes on: whatever comes is lost.
    void close_outlet();

    /// How many bytes it can take in now.
    [[nodiscard]] std::size_t room() const { return faults_.frozen ? 0 : most_held - held(); }
    void take(std::string_view bytes, Time now);
    /// What may go on now; empty when nothing may. Then `sent` says how much of it did. @{
    [[nodiscard]] std::string_view due(Time now) const;
    void sent(std::size_t count, Time now);  /// @}
    /// When `due` will give something that it does not give yet; never when time alone does not change that.
    [[nodiscard]] Deadline next_due() const;

    /// So much went on that the connection is to end.
    [[nodiscard]] bool must_cut() const { return faults_.cut_after && traffic_.bytes_out >= cut_at_; }
    [[nodiscard]] Ending cut_ending() const { return faults_.cut_ending; }
    /// So much went on that its receiver is to be told of an end.
    [[nodiscard]] bool must_half_close() const {
        return faults_.half_close_after && traffic_.bytes_out >= half_close_at_;
    }
    /// The sender's end may be told to the receiver: nothing is held before it, and nothing holds it up.
    [[nodiscard]] bool passes_an_end() const { return held() == 0 && !faults_.frozen && !swallows(); }
    /// Whatever comes now is lost.
    [[nodiscard]] bool swallows() const { return faults_.swallow_after && traffic_.bytes_out + held() >= swallow_at_; }
    [[nodiscard]] const Traffic& traffic() const { return traffic_; }

private:
    /// Bytes that came at once.
    struct Arrival {
        std::size_t count;  ///< of those that have not gone on
        Time when;
    };

    [[nodiscard]] std::size_t held() const { return bytes_.size() - begin_; }
    void drop_all();
    /// Of the bytes that have not gone on, the first.
    void keep(std::size_t count);

    Faults faults_;
    Traffic traffic_;
    std::uint64_t corrupt_at_ = 0, cut_at_ = 0, half_close_at_ = 0,
                  swallow_at_ = 0;  ///< counted from the line's beginning
    std::string bytes_;
    std::size_t begin_ = 0;  ///< of those bytes that have not gone on
    std::deque<Arrival> arrivals_;
    Time free_at_{};  ///< when the limit of bytes lets the next ones on
    bool outlet_closed_ = false;
};

}  // namespace pg::testing
