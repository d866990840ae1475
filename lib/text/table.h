// Tables of text for people.
#ifndef DEPS_LIB_TEXT_TABLE_H_
#define DEPS_LIB_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace deps {

// With "?" for each control character, which would spoil a terminal.
std::string Printable(std::string text);

// A line for each row: columns as wide as their widest cell, two spaces between
// them, no spaces at the end. Cells become printable. What is wide on a terminal
// counts as any other character.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace deps

#endif  // DEPS_LIB_TEXT_TABLE_H_
