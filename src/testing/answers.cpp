// Which answer a statement gets.
#include "src/testing/answers_impl.hpp"
#include "src/testing/polite_session.hpp"

namespace pg::testing {

std::string_view trimmed(std::string_view sql) {
    constexpr std::string_view around = " \t\r\n;";
    const std::size_t begin = sql.find_first_not_of(around);
    if (begin == std::string_view::npos) return {};
    return sql.substr(begin, sql.find_last_not_of(around) - begin + 1);
}

ErrorFields report(SqlState sqlstate, std::string message) {
    ErrorFields fields;
    fields.sqlstate = sqlstate;
    fields.message = std::move(message);
    return fields;
}

std::optional<Answer> Answers::Impl::look(std::string_view sql) const {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(trimmed(sql));
    return found != queues_.end() ? std::optional<Answer>(found->second.next()) : default_;
}

std::optional<Answer> Answers::Impl::take(std::string_view sql) {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(trimmed(sql));
    if (found == queues_.end()) return default_;
    Answer answer = found->second.next();
    ++found->second.given;
    return answer;
}

std::optional<ErrorFields> Answers::Impl::take_refusal(std::string_view sql) {
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(trimmed(sql));
    const Answer* next = default_ ? &*default_ : nullptr;
    if (found != queues_.end()) next = &found->second.next();
    if (next == nullptr || !next->error_when_prepared || !next->error) return std::nullopt;
    if (found != queues_.end()) ++found->second.given;
    return next->error;
}

void Answers::Impl::add(std::string_view sql, Answer answer) {
    const std::lock_guard lock(mutex_);
    queues_[std::string(trimmed(sql))].answers.push_back(std::move(answer));
}

void Answers::Impl::set_default(Answer answer) {
    const std::lock_guard lock(mutex_);
    default_ = std::move(answer);
}

Answers::Answers() : impl_(std::make_shared<Impl>()) {}
Answers::Answers(const Answers& other) noexcept = default;
Answers& Answers::operator=(const Answers& other) noexcept = default;
Answers::~Answers() = default;

Answers& Answers::on(std::string_view sql, Answer answer) {
    impl_->add(sql, std::move(answer));
    return *this;
}

Answers& Answers::fail(std::string_view sql, SqlState sqlstate, std::string_view message) {
    return on(sql, {.error = report(sqlstate, std::string(message))});
}

Answers& Answers::fail_to_prepare(std::string_view sql, SqlState sqlstate, std::string_view message) {
    return on(sql, {.error = report(sqlstate, std::string(message)), .error_when_prepared = true});
}

Answers& Answers::otherwise(Answer answer) {
    impl_->set_default(std::move(answer));
    return *this;
}

void Answers::operator()(Conversation& client) const { PoliteSession(*impl_, client).run(); }

}  // namespace pg::testing
