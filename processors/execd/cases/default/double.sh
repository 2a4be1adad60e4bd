while IFS= read -r line; do
  echo "$line"
  echo "seen,by=sh $line" | sed 's/ [^ ]* / /; s/$//' | sed 's/ .*/ n=1i 7/'
done
echo "end total=2i 9"
