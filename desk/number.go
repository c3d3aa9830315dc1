package desk

// NumberStyle is how the numbers that people see look.
type NumberStyle string

// The styles, after three help desks that people know.
const (
	NumberSequence NumberStyle = "sequence" // 003181
	NumberRandom   NumberStyle = "random"   // 386306, in no order that tells how many there are
	NumberDate     NumberStyle = "date"     // 2013121610000137
)
