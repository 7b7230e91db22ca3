// Days and times of the day as the server writes them with DateStyle ISO.
#include "src/value/types/calendar.hpp"

namespace pg::detail {
namespace {

// Days are counted in eras of 400 years that begin on the 1st of March, so that a leap day ends its year.
constexpr std::int64_t era_days = 146'097;
constexpr std::int64_t march_0000 = -730'425;  // 0000-03-01, in days since 2000-01-01

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); }

bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in(const CivilDay& civil) {
    constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return civil.month == 2 && is_leap(civil.year) ? 29 : days[civil.month - 1];
}

void write_padded(Writer& out, std::uint64_t value, std::size_t width) {
    std::uint64_t limit = 10;
    for (std::size_t digits = 1; digits < width; ++digits, limit *= 10)
        if (value < limit) out.put('0');
    write_integer(out, value);
}

}  // namespace

std::int64_t days_of(const CivilDay& civil) {
    const std::int64_t year = civil.year - (civil.month <= 2);
    const std::int64_t era = floor_divide(year, 400);
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * ((civil.month + 9) % 12) + 2) / 5 + civil.day - 1;
    const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * era_days + day_of_era + march_0000;
}

CivilDay civil_of(std::int64_t days) {
    const std::int64_t shifted = days - march_0000;
    const std::int64_t era = floor_divide(shifted, era_days);
    const std::int64_t day_of_era = shifted - era * era_days;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;

    CivilDay civil;
    civil.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    civil.month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    civil.year = year_of_era + era * 400 + (civil.month <= 2);
    return civil;
}

bool scan_day(Scanner& text, CivilDay& out) {
    return text.take_digits(4, 7, out.year) && text.take('-') && text.take_digits(2, 2, out.month) && text.take('-') &&
           text.take_digits(2, 2, out.day) && out.year >= 1 && out.month >= 1 && out.month <= 12;
}

bool scan_era(Scanner& text, CivilDay& out) {
    if (text.take(" BC")) out.year = 1 - out.year;
    return text.at_end() && out.day >= 1 && out.day <= days_in(out);
}

bool scan_fraction(Scanner& text, std::int64_t& microseconds) {
    microseconds = 0;
    if (!text.take('.')) return true;
    const std::size_t digits = text.digit_count();
    if (!text.take_digits(1, 6, microseconds)) return false;
    for (std::size_t i = digits; i < 6; ++i) microseconds *= 10;
    return true;
}

bool scan_clock(Scanner& text, std::int64_t& microseconds) {
    std::int64_t hours = 0, minutes = 0, seconds = 0, fraction = 0;
    if (!text.take_digits(2, 2, hours) || !text.take(':') || !text.take_digits(2, 2, minutes) || !text.take(':') ||
        !text.take_digits(2, 2, seconds) || !scan_fraction(text, fraction) || minutes > 59 || seconds > 59)
        return false;
    microseconds = ((hours * 60 + minutes) * 60 + seconds) * microseconds_per_second + fraction;
    return microseconds <= microseconds_per_day;
}

bool scan_offset(Scanner& text, std::int64_t& seconds) {
    const bool west = text.peek() == '-';
    std::int64_t hours = 0, minutes = 0, rest = 0;
    if (!(text.take('+') || text.take('-')) || !text.take_digits(2, 2, hours)) return false;
    if (text.take(':') && !text.take_digits(2, 2, minutes)) return false;
    if (text.take(':') && !text.take_digits(2, 2, rest)) return false;
    if (minutes > 59 || rest > 59) return false;
    seconds = (hours * 60 + minutes) * 60 + rest;
    if (west) seconds = -seconds;
    return true;
}

void write_day(Writer& out, const CivilDay& civil) {
    write_padded(out, static_cast<std::uint64_t>(civil.year > 0 ? civil.year : 1 - civil.year), 4);
    out.put('-');
    write_padded(out, static_cast<std::uint64_t>(civil.month), 2);
    out.put('-');
    write_padded(out, static_cast<std::uint64_t>(civil.day), 2);
}

void write_era(Writer& out, const CivilDay& civil) {
    if (civil.year <= 0) out.put(" BC");
}

void write_clock(Writer& out, std::uint64_t microseconds) {
    const std::uint64_t seconds = microseconds / microseconds_per_second;
    write_padded(out, seconds / 3600, 2);
    out.put(':');
    write_padded(out, seconds / 60 % 60, 2);
    out.put(':');
    write_padded(out, seconds % 60, 2);
    std::uint64_t fraction = microseconds % microseconds_per_second;
    if (fraction == 0) return;
    out.put('.');
    std::size_t width = 6;
    for (; fraction % 10 == 0; fraction /= 10) --width;
    write_padded(out, fraction, width);
}

void write_offset(Writer& out, std::int64_t seconds) {
    out.put(seconds < 0 ? '-' : '+');
    const auto distance = static_cast<std::uint64_t>(seconds < 0 ? -seconds : seconds);
    write_padded(out, distance / 3600, 2);
    if (distance % 3600 == 0) return;
    out.put(':');
    write_padded(out, distance / 60 % 60, 2);
    if (distance % 60 == 0) return;
    out.put(':');
    write_padded(out, distance % 60, 2);
}

}  // namespace pg::detail
