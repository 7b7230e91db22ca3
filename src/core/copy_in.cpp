// Rows into a binary COPY: the columns are checked first, then pieces are sent as they fill.
#include "src/core/copy_target.hpp"
#include "src/core/hooked.hpp"

namespace pg::detail {
namespace {

/// Signature, flags and the length of an extension that is not there.
constexpr char header[] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', 0, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr std::int16_t trailer = -1;

/// The misfits of a row type, before anything was copied.
Error misfit(const Error& error, const std::string& sql) {
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::not_sent;
    fields.sql = sql;
    return Error(std::move(fields));
}

Error wrong_count(std::size_t columns, std::size_t values, const std::string& sql) {
    ErrorFields fields{.kind = ErrorKind::shape, .outcome = Outcome::not_applied};
    fields.message = "the COPY takes " + std::to_string(columns) + " columns, the row type has " +
                     std::to_string(values) + "; list the columns in the target";
    fields.sql = sql;
    return Error(std::move(fields));
}

}  // namespace

Expected<std::unique_ptr<CopySink>> CopySink::open(Executor& executor, std::string_view target,
                                                   std::span<const Target> targets, const CallSite& site) {
    const auto parsed = CopyTarget::parse(target, targets);
    CopyTarget sent = parsed ? *parsed : CopyTarget{std::string(target), {}, {}};
    // A struct's columns are matched by name, in whatever order they are listed: they go in the order of its fields.
    if (parsed && !targets.front().name.empty()) sent.list = field_list(targets);
    const std::string sql = "copy " + sent.text() + " from stdin (format binary)";
    Opening opening(ExecutorAccess::hooks(executor), spi::RequestKind::copy_in, sql,
                    label_of(ExecutorAccess::options(executor)));
    if (!parsed) return opening.failed(parsed.error());
    if (parsed->table.empty()) return opening.failed(usage_error("rows are copied into a table, not into a query"));
    auto session = borrow_for_copy(executor, nullptr, site, opening);
    if (!session) return std::move(session).error();
    if (auto admitted = (*session)->admit(spi::RequestKind::copy_in, sql); !admitted)
        return std::move(admitted).error();

    auto described = describe(**session, *parsed);
    if (!described) return (*session)->ended_by(std::move(described).error());
    std::vector<std::uint16_t> numbers(targets.size());
    ColumnMap map{};
    if (auto matched = match_columns(**described, targets, Extra::refuse, numbers.data(), map); !matched)
        return (*session)->ended_by(misfit(matched.error(), "copy " + parsed->text()));

    if (auto begun = (*session)->begin_in(sql); !begun) return std::move(begun).error();
    if (const std::size_t columns = (*session)->columns(); columns != targets.size())
        return (*session)->ended_by(wrong_count(columns, targets.size(), sql));
    return std::make_unique<CopySink>(*std::move(session), targets, *std::move(described),
                                      std::span<const std::uint16_t>(map.numbers, targets.size()));
}

CopySink::CopySink(CopySessionPtr session, std::span<const Target> targets,
                   std::shared_ptr<const ResultStorage> columns, std::span<const std::uint16_t> numbers)
    : session_(std::move(session)), targets_(targets), columns_(std::move(columns)) {
    for (const std::uint16_t number : numbers) types_.push_back(columns_->columns()[number].type.oid);
    buffer_.set_types(columns_->columns().front().type.types);
    buffer_.reserve(piece + piece / 8);
    buffer_.put(std::string_view(header, sizeof(header)));
}

Error CopySink::refuse_row(std::size_t start, std::size_t column, Fault fault) {
    buffer_.truncate(start);
    const std::string_view name = targets_[column - 1].name;
    ErrorFields fields{.kind = ErrorKind::encode, .outcome = Outcome::not_sent};
    fields.message = "column " + std::to_string(column) + (name.empty() ? "" : " \"" + std::string(name) + "\"") +
                     " of row " + std::to_string(rows_ + 1) + ": " + fault.reason;
    fields.column = name;
    return Error(std::move(fields));
}

Expected<void> CopySink::send() {
    Expected<void> sent = session_->write(buffer_.bytes());
    buffer_.clear();
    if (!sent) session_.reset();
    return sent;
}

Expected<std::uint64_t> CopySink::finish() {
    if (!session_) return copy_ended();
    buffer_.put(trailer);
    if (auto sent = send(); !sent) return std::move(sent).error();
    const CopySessionPtr session = std::move(session_);
    return session->finish();
}

Expected<void> CopySink::fail(std::string_view reason) {
    if (!session_) return copy_ended();
    const CopySessionPtr session = std::move(session_);
    return session->fail(reason);
}

}  // namespace pg::detail
