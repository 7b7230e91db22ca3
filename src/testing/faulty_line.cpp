// Which bytes go on, and when.
#include "src/testing/faulty_line.hpp"

#include <algorithm>

namespace pg::testing {

void FaultyLine::set(const Faults& faults) {
    faults_ = faults;
    corrupt_at_ = traffic_.bytes_in + faults.corrupt_at.value_or(0);
    cut_at_ = traffic_.bytes_out + faults.cut_after.value_or(0);
    half_close_at_ = traffic_.bytes_out + faults.half_close_after.value_or(0);
    swallow_at_ = traffic_.bytes_out + faults.swallow_after.value_or(0);
    free_at_ = {};
    if (faults.swallow_after && held() > *faults.swallow_after) keep(static_cast<std::size_t>(*faults.swallow_after));
}

void FaultyLine::close_outlet() {
    outlet_closed_ = true;
    drop_all();
}

void FaultyLine::drop_all() {
    bytes_.clear();
    begin_ = 0;
    arrivals_.clear();
}

void FaultyLine::keep(std::size_t count) {
    if (count == 0) return drop_all();
    bytes_.resize(begin_ + count);
    for (Arrival& arrival : arrivals_) {
        arrival.count = std::min(arrival.count, count);
        count -= arrival.count;
    }
}

void FaultyLine::take(std::string_view bytes, Time now) {
    const std::uint64_t first = traffic_.bytes_in;
    traffic_.bytes_in += bytes.size();
    if (faults_.swallow_after) {
        const std::uint64_t before = traffic_.bytes_out + held();
        bytes = bytes.substr(0, before < swallow_at_ ? static_cast<std::size_t>(swallow_at_ - before) : 0);
    }
    if (bytes.empty() || outlet_closed_) return;
    // Room that was left behind is used again before more is asked for.
    if (begin_ > most_held) {
        bytes_.erase(0, begin_);
        begin_ = 0;
    }
    bytes_ += bytes;
    if (faults_.corrupt_at && corrupt_at_ >= first && corrupt_at_ - first < bytes.size()) {
        char& byte = bytes_[bytes_.size() - bytes.size() + static_cast<std::size_t>(corrupt_at_ - first)];
        byte = static_cast<char>(~byte);
    }
    arrivals_.push_back({bytes.size(), now});
}

std::string_view FaultyLine::due(Time now) const {
    if (faults_.frozen || held() == 0) return {};
    std::size_t count = held();
    if (faults_.delay.count() > 0) {
        count = 0;
        for (const Arrival& arrival : arrivals_) {
            if (arrival.when + faults_.delay > now) break;
            count += arrival.count;
        }
    }
    if (faults_.bytes_per_second != 0) {
        // A piece is what 20 ms let through.
        if (now < free_at_) return {};
        count = std::min(count, std::max<std::size_t>(1, faults_.bytes_per_second / 50));
    }
    if (faults_.one_byte_at_a_time) count = std::min<std::size_t>(count, 1);
    if (faults_.cut_after) count = std::min(count, static_cast<std::size_t>(cut_at_ - traffic_.bytes_out));
    if (faults_.half_close_after)
        count = std::min(count, static_cast<std::size_t>(half_close_at_ - traffic_.bytes_out));
    return std::string_view(bytes_).substr(begin_, count);
}

void FaultyLine::sent(std::size_t count, Time now) {
    begin_ += count;
    traffic_.bytes_out += count;
    for (std::size_t rest = count; rest != 0;) {
        const std::size_t of_it = std::min(rest, arrivals_.front().count);
        arrivals_.front().count -= of_it;
        rest -= of_it;
        if (arrivals_.front().count == 0) arrivals_.pop_front();
    }
    if (held() == 0) drop_all();
    if (faults_.bytes_per_second != 0) {
        const std::chrono::duration<double> takes(static_cast<double>(count) /
                                                  static_cast<double>(faults_.bytes_per_second));
        free_at_ = std::max(now, free_at_) + std::chrono::ceil<std::chrono::nanoseconds>(takes);
    }
}

Deadline FaultyLine::next_due() const {
    if (faults_.frozen || held() == 0) return Deadline::never();
    Time when = free_at_;
    if (faults_.delay.count() > 0) when = std::max(when, arrivals_.front().when + faults_.delay);
    return Deadline::at(when);
}

}  // namespace pg::testing
