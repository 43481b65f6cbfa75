# frozen_string_literal: true

# Groups words by their letters.
class Anagrams
  def initialize(words)
    @groups = Hash.new([])
    words.each { |word| @groups[key(word)] << word }
  end

  # The other words of the same letters, in the order in which they came.
  def of(word)
    return [] unless @groups.key?(key(word))

    @groups[key(word)].reject { |other| other == word }
  end

  # How many groups have more than one word.
  def count
    @groups.count { |_, words| words.size > 1 }
  end

  private

  def key(word)
    word.downcase.chars.sort.join
  end
end
