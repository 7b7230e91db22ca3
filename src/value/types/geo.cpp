// point, lseg, line, box, path, polygon and circle.
#include "pg/types/geo.hpp"

#include "src/value/reader.hpp"
#include "src/value/scanner.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::Reader;
using detail::Scanner;
using detail::write_float;
using geo::Box, geo::Circle, geo::Line, geo::LineSegment, geo::Path, geo::Point, geo::Polygon;

constexpr std::size_t point_size = 16;

// ---- pieces ----------------------------------------------------------------------------------------

bool scan(Scanner& text, double& out) { return detail::parse_float(text.take_until(",()[]{}<>"), out); }
bool scan(Scanner& text, Point& out) {
    return text.take('(') && scan(text, out.x) && text.take(',') && scan(text, out.y) && text.take(')');
}
// Zero points or more, with commas between them.
bool scan(Scanner& text, std::vector<Point>& out) {
    if (text.peek() != '(') return true;
    do {
        if (!scan(text, out.emplace_back())) return false;
    } while (text.take(','));
    return true;
}

void write(Writer& out, const Point& point) {
    out.put('(');
    write_float(out, point.x);
    out.put(',');
    write_float(out, point.y);
    out.put(')');
}
void write(Writer& out, const std::vector<Point>& points) {
    for (std::size_t i = 0; i < points.size(); ++i) {
        if (i != 0) out.put(',');
        write(out, points[i]);
    }
}

void take(Reader& reader, Point& out) {
    out.x = reader.take<double>();
    out.y = reader.take<double>();
}
void take(Reader& reader, std::vector<Point>& out) {
    out.resize(reader.take_count(point_size));
    for (Point& point : out) take(reader, point);
}

void put(Writer& out, const Point& point) {
    out.put(point.x);
    out.put(point.y);
}
void put(Writer& out, const std::vector<Point>& points) {
    out.put(static_cast<std::int32_t>(points.size()));
    for (const Point& point : points) put(out, point);
}

// ---- each shape ------------------------------------------------------------------------------------

bool read_text(Scanner& text, Point& out) { return scan(text, out); }
bool read_text(Scanner& text, LineSegment& out) {
    return text.take('[') && scan(text, out.from) && text.take(',') && scan(text, out.to) && text.take(']');
}
bool read_text(Scanner& text, Line& out) {
    return text.take('{') && scan(text, out.a) && text.take(',') && scan(text, out.b) && text.take(',') &&
           scan(text, out.c) && text.take('}');
}
bool read_text(Scanner& text, Box& out) { return scan(text, out.high) && text.take(',') && scan(text, out.low); }
bool read_text(Scanner& text, Path& out) {
    out.is_closed = text.take('(');
    return (out.is_closed || text.take('[')) && scan(text, out.points) && text.take(out.is_closed ? ')' : ']');
}
bool read_text(Scanner& text, Polygon& out) { return text.take('(') && scan(text, out.points) && text.take(')'); }
bool read_text(Scanner& text, Circle& out) {
    return text.take('<') && scan(text, out.center) && text.take(',') && scan(text, out.radius) && text.take('>');
}

void read_binary(Reader& reader, Point& out) { take(reader, out); }
void read_binary(Reader& reader, LineSegment& out) {
    take(reader, out.from);
    take(reader, out.to);
}
void read_binary(Reader& reader, Line& out) {
    out.a = reader.take<double>();
    out.b = reader.take<double>();
    out.c = reader.take<double>();
}
void read_binary(Reader& reader, Box& out) {
    take(reader, out.high);
    take(reader, out.low);
}
void read_binary(Reader& reader, Path& out) {
    out.is_closed = reader.take<std::uint8_t>() != 0;
    take(reader, out.points);
}
void read_binary(Reader& reader, Polygon& out) { take(reader, out.points); }
void read_binary(Reader& reader, Circle& out) {
    take(reader, out.center);
    out.radius = reader.take<double>();
}

template <class T>
Fault decode_shape(const Cell& cell, const WireType& wire, T& out) {
    T value;
    if (wire.format == Format::binary) {
        Reader reader(cell.bytes());
        read_binary(reader, value);
        if (!reader.finished()) return {"shape with more or fewer bytes than it needs"};
    } else {
        Scanner text(cell.bytes());
        if (!read_text(text, value) || !text.at_end()) return {"malformed shape"};
    }
    out = std::move(value);
    return {};
}

}  // namespace

Fault Codec<Point>::decode(const Cell& cell, const WireType& wire, Point& out) { return decode_shape(cell, wire, out); }
Fault Codec<Point>::encode(Writer& out, const Point& value) {
    put(out, value);
    return {};
}
Fault Codec<Point>::encode_text(Writer& out, const Point& value) {
    write(out, value);
    return {};
}

Fault Codec<LineSegment>::decode(const Cell& cell, const WireType& wire, LineSegment& out) {
    return decode_shape(cell, wire, out);
}
Fault Codec<LineSegment>::encode(Writer& out, const LineSegment& value) {
    put(out, value.from);
    put(out, value.to);
    return {};
}
Fault Codec<LineSegment>::encode_text(Writer& out, const LineSegment& value) {
    out.put('[');
    write(out, value.from);
    out.put(',');
    write(out, value.to);
    out.put(']');
    return {};
}

Fault Codec<Line>::decode(const Cell& cell, const WireType& wire, Line& out) { return decode_shape(cell, wire, out); }
Fault Codec<Line>::encode(Writer& out, const Line& value) {
    out.put(value.a);
    out.put(value.b);
    out.put(value.c);
    return {};
}
Fault Codec<Line>::encode_text(Writer& out, const Line& value) {
    out.put('{');
    write_float(out, value.a);
    out.put(',');
    write_float(out, value.b);
    out.put(',');
    write_float(out, value.c);
    out.put('}');
    return {};
}

Fault Codec<Box>::decode(const Cell& cell, const WireType& wire, Box& out) { return decode_shape(cell, wire, out); }
Fault Codec<Box>::encode(Writer& out, const Box& value) {
    put(out, value.high);
    put(out, value.low);
    return {};
}
Fault Codec<Box>::encode_text(Writer& out, const Box& value) {
    write(out, value.high);
    out.put(',');
    write(out, value.low);
    return {};
}

Fault Codec<Path>::decode(const Cell& cell, const WireType& wire, Path& out) { return decode_shape(cell, wire, out); }
Fault Codec<Path>::encode(Writer& out, const Path& value) {
    out.put(static_cast<std::uint8_t>(value.is_closed));
    put(out, value.points);
    return {};
}
Fault Codec<Path>::encode_text(Writer& out, const Path& value) {
    out.put(value.is_closed ? '(' : '[');
    write(out, value.points);
    out.put(value.is_closed ? ')' : ']');
    return {};
}

Fault Codec<Polygon>::decode(const Cell& cell, const WireType& wire, Polygon& out) {
    return decode_shape(cell, wire, out);
}
Fault Codec<Polygon>::encode(Writer& out, const Polygon& value) {
    put(out, value.points);
    return {};
}
Fault Codec<Polygon>::encode_text(Writer& out, const Polygon& value) {
    out.put('(');
    write(out, value.points);
    out.put(')');
    return {};
}

Fault Codec<Circle>::decode(const Cell& cell, const WireType& wire, Circle& out) {
    return decode_shape(cell, wire, out);
}
Fault Codec<Circle>::encode(Writer& out, const Circle& value) {
    put(out, value.center);
    out.put(value.radius);
    return {};
}
Fault Codec<Circle>::encode_text(Writer& out, const Circle& value) {
    out.put('<');
    write(out, value.center);
    out.put(',');
    write_float(out, value.radius);
    out.put('>');
    return {};
}

namespace geo {

Expected<Point> Point::parse(std::string_view text) { return detail::parse_value<Point>(text); }
std::string Point::to_string() const { return detail::text_of(*this); }
Expected<LineSegment> LineSegment::parse(std::string_view text) { return detail::parse_value<LineSegment>(text); }
std::string LineSegment::to_string() const { return detail::text_of(*this); }
Expected<Line> Line::parse(std::string_view text) { return detail::parse_value<Line>(text); }
std::string Line::to_string() const { return detail::text_of(*this); }
Expected<Box> Box::parse(std::string_view text) { return detail::parse_value<Box>(text); }
std::string Box::to_string() const { return detail::text_of(*this); }
Expected<Path> Path::parse(std::string_view text) { return detail::parse_value<Path>(text); }
std::string Path::to_string() const { return detail::text_of(*this); }
Expected<Polygon> Polygon::parse(std::string_view text) { return detail::parse_value<Polygon>(text); }
std::string Polygon::to_string() const { return detail::text_of(*this); }
Expected<Circle> Circle::parse(std::string_view text) { return detail::parse_value<Circle>(text); }
std::string Circle::to_string() const { return detail::text_of(*this); }

}  // namespace geo
}  // namespace pg
