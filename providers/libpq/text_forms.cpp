// Looking at what a server has reported of its settings.
#include "providers/libpq/text_forms.hpp"

#include <array>
#include <string>
#include <utility>

namespace pg::libpq {

std::optional<Error> foreign_form(const spi::Session& session, bool through_pooler) {
    constexpr std::array<std::pair<const char*, std::string_view>, 2> needed{
        {{"DateStyle", "ISO"}, {"IntervalStyle", "postgres"}}};
    for (const auto& [name, form] : needed) {
        const std::string_view value = session.parameter(name);
        if (value.empty() || value.substr(0, value.find(',')) == form) continue;  // whatever stands behind the comma
        ErrorFields fields{.kind = ErrorKind::connect, .outcome = Outcome::not_sent, .connection_usable = false};
        fields.message = "connect " + std::string(session.node()) + ": " + name + " is `" + std::string(value) + "`, ";
        if (through_pooler)
            fields.message.append("and through a pooler it is that of the role; alter role … set ")
                .append(name)
                .append(" = ")
                .append(form);
        else
            fields.message
                .append(name == needed.front().first ? "which PGDATESTYLE in the environment asks for, or " : "")
                .append("that of a role, behind a pooler that `pooler` does not name");
        fields.node = session.node();
        fields.engine = session.engine();
        return Error(std::move(fields));
    }
    return std::nullopt;
}

}  // namespace pg::libpq
