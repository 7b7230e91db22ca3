// Days and times of the day as the server writes them with DateStyle ISO.
#pragma once

#include <cstdint>

#include "src/value/scanner.hpp"

namespace pg::detail {

inline constexpr std::int64_t microseconds_per_second = 1'000'000;
inline constexpr std::int64_t microseconds_per_day = 86'400 * microseconds_per_second;

/// A day of the proleptic Gregorian calendar. Year 0 is 1 BC.
struct CivilDay {
    std::int64_t year = 2000;
    int month = 1;
    int day = 1;
};

/// Days since 2000-01-01.
[[nodiscard]] std::int64_t days_of(const CivilDay& civil);
[[nodiscard]] CivilDay civil_of(std::int64_t days);

/// `2024-05-17`, without the ` BC` that may follow later; the year is as it stands.
[[nodiscard]] bool scan_day(Scanner& text, CivilDay& out);
/// ` BC`, which turns the year that was read, and then the end.
[[nodiscard]] bool scan_era(Scanner& text, CivilDay& out);
/// `12:30:00.25`, at most 24:00:00.
[[nodiscard]] bool scan_clock(Scanner& text, std::int64_t& microseconds);
/// `+02`, `-03:30`, `+00:19:32`: seconds east of UTC.
[[nodiscard]] bool scan_offset(Scanner& text, std::int64_t& seconds);
/// `.25`, or nothing.
[[nodiscard]] bool scan_fraction(Scanner& text, std::int64_t& microseconds);

/// The day without its era, and the era.
void write_day(Writer& out, const CivilDay& civil);
void write_era(Writer& out, const CivilDay& civil);
/// Hours of at least two digits.
void write_clock(Writer& out, std::uint64_t microseconds);
void write_offset(Writer& out, std::int64_t seconds);

}  // namespace pg::detail
