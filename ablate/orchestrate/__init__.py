"""What happens to a study as a whole: submitting what is missing, planning, and watching it advance."""
