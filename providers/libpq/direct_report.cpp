// From the letters of a report to the fields of an error.
#include "providers/libpq/direct_report.hpp"

#include <array>
#include <charconv>

namespace pg::libpq::direct {
namespace {

struct TextField {
    char letter;
    std::string ErrorFields::* member;
};

constexpr std::array<TextField, 11> text_fields{{
    {'V', &ErrorFields::severity},
    {'M', &ErrorFields::message},
    {'D', &ErrorFields::detail},
    {'H', &ErrorFields::hint},
    {'W', &ErrorFields::context},
    {'s', &ErrorFields::schema},
    {'t', &ErrorFields::table},
    {'c', &ErrorFields::column},
    {'d', &ErrorFields::type},
    {'n', &ErrorFields::constraint},
    {'R', &ErrorFields::routine},
}};

ErrorFields report_fields(const wire::Report& report) {
    ErrorFields fields;
    for (const TextField& field : text_fields) fields.*field.member = report.field(field.letter);
    fields.sqlstate = SqlState(report.field('C'));
    const std::string_view digits = report.field('P');
    std::from_chars(digits.data(), digits.data() + digits.size(), fields.position);
    return fields;
}

}  // namespace

Error report_error(const wire::Report& report, const ErrorSite& site) {
    return ruled_error(report_fields(report), site, report.field('F'));
}

Error notice_error(const wire::Report& report, std::string_view node) {
    ErrorFields fields = report_fields(report);
    fields.kind = ErrorKind::server;
    fields.outcome = Outcome::applied;
    return plain_error(std::move(fields), {.node = node, .sql = {}, .engine = direct_engine_name});
}

}  // namespace pg::libpq::direct
